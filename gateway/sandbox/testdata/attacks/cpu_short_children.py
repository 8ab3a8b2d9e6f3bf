# must: children that live for less than one look at them cost the run too
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
start = time.time()
while time.time() - start < 0.9:
    if os.fork() == 0:
        end = time.process_time() + 0.008
        while time.process_time() < end:
            pass
        os._exit(0)
    time.sleep(0.008)
print("ESCAPED ran", round(time.time() - start, 1), "s", flush=True)
