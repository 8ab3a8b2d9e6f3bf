# must: timers, alarms and itimers by the thousand
import ctypes, signal, time
libc = ctypes.CDLL('librt.so.1', use_errno=True)
t = ctypes.c_void_p()
n = 0
while n < 200000 and libc.timer_create(1, None, ctypes.byref(t)) == 0:
    n += 1
print('timers', n)
for s in (14, 26, 27):
    signal.signal(s, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_REAL, 1e-6, 1e-6)
while True: pass
