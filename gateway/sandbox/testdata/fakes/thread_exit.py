# must NOT be judged a pass (f(x) should be x * x): a thread ends the process with success
import os, threading, time
threading.Thread(target=lambda: (time.sleep(.01), os._exit(0)), daemon=True).start()
def f(x):
    time.sleep(.5)
    return 0
