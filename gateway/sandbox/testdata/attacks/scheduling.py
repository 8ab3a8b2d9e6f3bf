# must: priority, affinity, realtime and io priority stay as they are
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for what, f in {'nice': lambda: os.nice(-5), 'fifo': lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)), 'prio': lambda: os.setpriority(os.PRIO_USER, 0, -10)}.items():
    try:
        f()
        print('ESCAPED', what)
    except OSError as e: print('BLOCKED', what)
for pid in range(1, 40):
    for c in ('sched_setaffinity',):
        try:
            if pid != os.getpid(): os.sched_setaffinity(pid, {0}); print('affinity of', pid)
        except OSError: pass
if libc.syscall(251, 1, 0, (1 << 13) | 0) == 0: print('ESCAPED ioprio')
