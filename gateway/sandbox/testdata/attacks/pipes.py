# must: pipe buffers are bounded
import fcntl, os
kept, size = [], 0
try:
    for _ in range(1000):
        r, w = os.pipe()
        try:
            fcntl.fcntl(w, 1031, 1 << 20)
        except OSError:
            pass
        os.set_blocking(w, False)
        try:
            while True:
                size += os.write(w, b"x" * 65536)
        except BlockingIOError:
            pass
        kept.append((r, w))
    print("ESCAPED", size)
except OSError as e:
    print("ESCAPED" if size > 256 << 20 else "BLOCKED", size, e)
