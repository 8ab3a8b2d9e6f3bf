# must: a filter of its own does not loosen or hang anything
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
code = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0x7fff0000))
prog = struct.pack('HxxxxxxP', 1, ctypes.addressof(code))
buf = ctypes.create_string_buffer(prog)
for flags in (0, 8, 1, 2):
    r = libc.syscall(317, 1, flags, buf)
    print('seccomp', flags, r, ctypes.get_errno())
    if flags == 8 and r >= 0: print('ESCAPED a listener')
print(libc.prctl(22, 2, buf, 0, 0))
if libc.syscall(272, 0x10000000) == 0: print('ESCAPED userns')
