# must do no harm: shared memory, semaphores and message queues that outlive a process
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
shm = libc.shmget(0x44524f56, 1 << 20, 0o1777)
sem = libc.semget(0x44524f56, 1, 0o1777)
msg = libc.msgget(0x44524f56, 0o1777)
try:
    mq = ctypes.CDLL("librt.so.1").mq_open(b"/drover-left", 0o102, 0o777, None)
except (OSError, AttributeError):
    mq = -1
if shm >= 0:
    libc.shmat.restype = ctypes.c_void_p
    at = libc.shmat(shm, None, 0)
    if at not in (None, ctypes.c_void_p(-1).value):
        if ctypes.string_at(at, 4) == b"left":
            print("ESCAPED: memory of another run")
        ctypes.memmove(at, b"left", 4)
print(shm, sem, msg, mq)
