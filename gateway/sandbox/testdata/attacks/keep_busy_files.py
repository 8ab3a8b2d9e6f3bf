# must: mapped, locked, leased and open files in all folders
import fcntl, mmap, os, time
if os.fork() == 0: os.setsid()
fs = []
for base in ('/w', '/tmp', '/dev/shm'):
    try:
        f = open(base + '/busy', 'w+b'); f.truncate(1 << 16)
        m = mmap.mmap(f.fileno(), 1 << 16); m[:4] = b'busy'
        fcntl.flock(f, fcntl.LOCK_EX); fs.append((f, m)); os.chdir(base)
        try: fcntl.fcntl(f, 1024, fcntl.F_WRLCK)
        except OSError: pass
    except OSError: pass
time.sleep(60)
