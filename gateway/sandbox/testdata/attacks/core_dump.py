# must: a crash leaves no core
import os, signal
if os.fork() == 0:
    os.kill(os.getpid(), signal.SIGABRT)
_, status = os.wait()
print("ESCAPED core" if os.WCOREDUMP(status) else "BLOCKED", [f for f in os.listdir(".") if "core" in f])
