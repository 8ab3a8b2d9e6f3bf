# must: no capability is held or gained
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
head = (ctypes.c_uint32 * 2)(0x20080522, 0)
data = (ctypes.c_uint32 * 6)()
libc.capget(head, data)
print("ESCAPED" if any(data) else "BLOCKED", list(data))
full = (ctypes.c_uint32 * 6)(*[0xffffffff] * 6)
print("ESCAPED" if libc.capset(head, full) == 0 else "BLOCKED")
print("ESCAPED" if libc.prctl(47, 2, 21, 0, 0) == 0 else "BLOCKED")
for u in (0, 1, 65534):
    try:
        os.setresuid(u, u, u)
        print("ESCAPED uid", u)
    except OSError as e:
        print("BLOCKED", u)
