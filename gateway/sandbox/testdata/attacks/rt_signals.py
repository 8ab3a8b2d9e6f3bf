# must: signals queued to everyone and to init
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
for pid in (1, 2, -1, 0, os.getppid()):
    for s in (0, 1, 15, 17, 18, 19, 23, 34, 64):
        if pid in (0,) and s in (1, 15, 19, 34, 64): continue
        if pid == -1 and s in (9, 19): continue
        try:
            os.kill(pid, s)
            if pid == 2 and s == 0: print('sees pid 2')
        except OSError: pass
buf = ctypes.create_string_buffer(128)
for i in range(20000):
    libc.syscall(129, os.getpid(), 34, buf)
print('still here')
