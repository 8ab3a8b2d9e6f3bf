# must: the streams left non-blocking, seekable or closed for the next run
import fcntl, os, socket
for fd in (0, 1, 2):
    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND | os.O_ASYNC)
    try: fcntl.fcntl(fd, 1031, 1 << 20)
    except OSError: pass
    try: fcntl.fcntl(fd, fcntl.F_SETOWN, 1)
    except OSError: pass
os.close(1)
os.write(2, b'x' * 4096)
os.close(2)
