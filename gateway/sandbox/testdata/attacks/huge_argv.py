# must: a huge argument list does no harm
import os, subprocess
try:
    subprocess.run(["/bin/true"] + ["x" * 100000] * 60, timeout=5)
except Exception as e:
    print("BLOCKED", type(e))
try:
    os.execve("/bin/true", ["true"] * 1000000, {})
except Exception as e:
    print("BLOCKED", type(e))
