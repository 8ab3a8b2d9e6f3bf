# must: the kernel's record of each mapping is memory
import ctypes, os, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
at = libc.mmap(None, ctypes.c_size_t(260 << 20), 0, 0x4022, -1, ctypes.c_long(0))
split = libc.mprotect
n = 0
for page in range(0, 65000, 2):
    n += 2 * (split(ctypes.c_void_p(at + 4096 * page), ctypes.c_size_t(4096), 1) == 0)
forks = 0
for _ in range(16):
    try:
        if os.fork() == 0:
            time.sleep(4)
            os._exit(0)
    except OSError:
        break
    forks += 1
time.sleep(1)
print("ESCAPED" if n > 60000 and forks == 16 else "BLOCKED", n, "mappings in each of", forks, "forks", flush=True)
