# must: an endless line ends the run
import sys
while True:
    sys.stdout.write("x" * 10000)
