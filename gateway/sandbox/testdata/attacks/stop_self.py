# must: a run that stops itself is ended at the wall clock
import os, signal
os.kill(os.getpid(), signal.SIGSTOP)
os.killpg(0, signal.SIGSTOP)
import time
time.sleep(3600)
