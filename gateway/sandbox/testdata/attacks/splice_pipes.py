# must: vmsplice, tee and splice hold kernel memory
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
pipes = []
try:
    while True:
        r, w = os.pipe(); pipes.append((r, w))
        import fcntl
        try: fcntl.fcntl(w, 1031, 1 << 20)
        except OSError: pass
        os.set_blocking(w, False)
        try:
            while True: os.write(w, b'x' * 65536)
        except OSError: pass
except OSError as e: print('BLOCKED', len(pipes), e)
while True: pass
