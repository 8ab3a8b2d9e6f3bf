# must: children that come and go cost the run alone
import subprocess
while True:
    subprocess.run(["/bin/true"])
