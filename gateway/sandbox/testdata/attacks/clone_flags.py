# must do no harm: every namespace flag by clone, clone3 and unshare
import ctypes, os, platform, struct
libc = ctypes.CDLL(None, use_errno=True)
for bit in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
    if libc.unshare(bit) == 0:
        print("ESCAPED: unshare", hex(bit))
    if platform.machine() == "x86_64":
        pid = libc.syscall(56, bit | 17, 0, 0, 0, 0)
        if pid == 0:
            os._exit(0)
        if pid > 0:
            print("ESCAPED: clone", hex(bit))
        args = ctypes.create_string_buffer(struct.pack("11Q", bit, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0))
        pid = libc.syscall(435, args, 88)
        if pid == 0:
            os._exit(0)
        if pid > 0:
            print("ESCAPED: clone3", hex(bit))
