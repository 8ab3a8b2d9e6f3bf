# must: the processor time of children that nobody waits for counts
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
start = time.time()
while time.time() - start < 0.9:
    for _ in range(2):
        if os.fork() == 0:
            end = time.process_time() + 0.04
            while time.process_time() < end:
                pass
            os._exit(0)
    time.sleep(0.045)
print("ESCAPED ran", round(time.time() - start, 1), "s", flush=True)
