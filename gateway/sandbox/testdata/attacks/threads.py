# must: threads are bounded
import threading, time
n = 0
try:
    while n < 2000:
        threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
        n += 1
    print("ESCAPED", n)
except (RuntimeError, MemoryError) as e:
    print("BLOCKED", n, e)
