# must: the memory of a process whose first thread has ended is counted
import ctypes, os, platform, threading, time
libc = ctypes.CDLL(None)
r, w = os.pipe()
for _ in range(3):
    if os.fork() == 0:
        def hold():
            time.sleep(0.05)
            block = b"x" * (150 << 20)
            os.write(w, b"x")
            time.sleep(3)
        threading.Thread(target=hold).start()
        libc.syscall(60 if platform.machine() == "x86_64" else 93, 0)
for _ in range(3):
    os.read(r, 1)
time.sleep(0.2)
print("ESCAPED 450 MiB held", flush=True)
