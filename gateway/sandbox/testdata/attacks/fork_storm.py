# must: forking without end costs the run, and nothing else
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
