# must: namespaces of others by /proc, nsfs ioctls and pidfds
import ctypes, fcntl, glob, os
libc = ctypes.CDLL(None, use_errno=True)
for p in glob.glob('/proc/*/ns/*') + glob.glob('/proc/*/task/*/ns/*'):
    try: fd = os.open(p, os.O_RDONLY)
    except OSError: continue
    for r in (0xb701, 0xb702):
        try:
            up = fcntl.ioctl(fd, r); print('ioctl', p, r, up)
            if libc.setns(up, 0) == 0: print('ESCAPED by a parent of', p)
        except OSError: pass
    if libc.setns(fd, 0) == 0: print('ESCAPED', p)
for pid in range(1, 8):
    fd = libc.syscall(434, pid, 0)
    if fd >= 0:
        for flag in (0x40000000, 0x20000, 0x10000000, 0x20000000):
            if libc.setns(fd, flag) == 0: print('ESCAPED pidfd', pid, hex(flag))
