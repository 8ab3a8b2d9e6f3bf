# must: daemons by double fork and setsid are refused at the limit and end with the run
import os, time
n = 0
try:
    while n < 500:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(60)
            os._exit(0)
        n += 1
    print("ESCAPED", n)
except OSError as e:
    print("BLOCKED", n, e)
