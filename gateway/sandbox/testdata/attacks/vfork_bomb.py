# must: vfork by the thousand ends with the run
import ctypes, os
libc = ctypes.CDLL(None)
n = 0
while True:
    try:
        os.posix_spawn('/bin/sh', ['sh', '-c', 'sleep 100 & sleep 100 & sleep 100'], {})
        n += 1
    except OSError: pass
