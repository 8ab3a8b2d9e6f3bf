# must: memory over many processes is bounded together
import os, time
for _ in range(20):
    try:
        if os.fork() == 0:
            b = bytearray(os.urandom(1 << 20)) * 60
            time.sleep(8)
            print("ESCAPED", flush=True)
            os._exit(0)
    except OSError:
        pass
time.sleep(8)
print("ESCAPED lived", flush=True)
