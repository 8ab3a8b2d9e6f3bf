# must: epoll, eventfd, timerfd, signalfd and pidfd nested to the limit
import ctypes, os, select
libc = ctypes.CDLL(None, use_errno=True)
eps = []
try:
    while True:
        e = select.epoll()
        if eps:
            try: e.register(eps[-1].fileno())
            except OSError: pass
        eps.append(e)
        libc.eventfd(0, 0); libc.timerfd_create(0, 0)
except OSError as e: print('BLOCKED', len(eps), e)
r = libc.syscall(434, 1, 0)
print('pidfd of 1', r)
if r >= 0 and libc.syscall(424, r, 9, None, 0) == 0: pass
