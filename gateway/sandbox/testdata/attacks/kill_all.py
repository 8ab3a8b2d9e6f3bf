# must: signals reach the run's own processes only
import os, signal
for sig in (0, signal.SIGSTOP, signal.SIGKILL):
    for pid in list(range(2, 3000)):
        try:
            os.kill(pid, sig)
            print("ESCAPED", pid, sig)
        except OSError:
            pass
try:
    os.kill(-1, signal.SIGKILL)
except OSError as e:
    print("BLOCKED", e)
try:
    os.killpg(os.getpgrp(), 0)
except OSError as e:
    print("BLOCKED", e)
