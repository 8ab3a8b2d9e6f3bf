# must: the zygote's descriptors, capability and parent are out of reach
import ctypes, gc, os, socket, sys
print("ESCAPED ppid" if os.getppid() else "BLOCKED no parent")
for fd in range(3, 1024):
    try:
        os.fstat(fd)
        print("fd", fd, os.readlink("/proc/self/fd/%d" % fd) if os.path.exists("/proc/self/fd") else "")
    except OSError:
        pass
for o in gc.get_objects():
    if isinstance(o, socket.socket):
        try:
            o.send(b"\0\0\0\x02{}")
            print("ESCAPED sent to the zygote's socket")
        except OSError:
            pass
libc = ctypes.CDLL(None, use_errno=True)
for fd in range(0, 16):
    if libc.setns(fd, 0x20000000) == 0:
        print("ESCAPED setns", fd)
