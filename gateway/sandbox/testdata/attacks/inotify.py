# must: many watches and timers do no harm
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
n = 0
for _ in range(200):
    fd = libc.inotify_init1(0)
    if fd < 0:
        break
    n += 1
print("BLOCKED" if n < 200 else "ESCAPED", n)
