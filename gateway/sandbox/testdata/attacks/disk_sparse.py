# must: sparse and preallocated files are bounded too
import os
for how in (lambda fd: os.posix_fallocate(fd, 0, 1 << 30), lambda fd: os.ftruncate(fd, 1 << 40)):
    try:
        fd = os.open("/tmp/big", os.O_RDWR | os.O_CREAT)
        how(fd)
        print("ESCAPED")
    except OSError as e:
        print("BLOCKED", e)
    finally:
        os.close(fd)
