# must: reading every descriptor yields no order of the container's
import os, select
for fd in range(3, 256):
    try:
        os.set_blocking(fd, False)
        d = os.read(fd, 65536)
        if d:
            print("ESCAPED", fd, d[:40])
    except OSError:
        pass
