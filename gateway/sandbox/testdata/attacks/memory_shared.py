# must: shared pages that no process maps any more are memory all the same
import ctypes, mmap, os, time
size, step = 320 << 20, 32 << 20


def hold(m):
    for start in range(0, size, step):
        for page in range(start, start + step, 4096):
            m[page] = 1
        m.madvise(mmap.MADV_DONTNEED, start, step)
    time.sleep(0.2)
    print("ESCAPED", sum(m[page] for page in range(0, size, 1 << 20)), "MiB held", flush=True)


try:
    hold(mmap.mmap(-1, size))
except OSError as e:
    print("BLOCKED", e)
try:
    with open("/dev/zero", "r+b") as f:
        hold(mmap.mmap(f.fileno(), size))
except (OSError, ValueError) as e:
    print("BLOCKED", e)
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
fd = os.open("/dev/zero", os.O_RDONLY)
for flags, fd in ((0x21, -1), (0x23, -1), (0x40021, -1), (0x40022, -1), (0x01, fd)):  # shared, huge; read only, of a device
    at = libc.mmap(None, size, 1, flags, fd, 0)
    if at in (None, 2**64 - 1):
        print("BLOCKED", hex(flags), os.strerror(ctypes.get_errno()))
        continue
    if os.fork() == 0:  # a page of a file that has no room is a SIGBUS
        held = 0
        for page in range(0, size, 4096):
            held += ctypes.string_at(at + page, 1) == b"\0"
            if page % step == 0:
                libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(page), 4)
        print("ESCAPED" if held > 40000 else "BLOCKED", hex(flags), held >> 8, "MiB held", flush=True)
        time.sleep(0.2)
        os._exit(0)
    os.wait()
