# must: a chain of processes, each forking the next, ends with the run
import os, time
start = time.time()
while time.time() - start < 60:
    try:
        if os.fork():
            os._exit(0)
    except OSError:
        pass
