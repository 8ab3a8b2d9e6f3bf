# must: writes past the largest file, by all ways of growing one
import ctypes, os, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for base in ('/w', '/tmp', '/dev/shm'):
    try:
        fd = os.open(base + '/big', os.O_RDWR | os.O_CREAT)
    except OSError: continue
    for f in (lambda: os.posix_fallocate(fd, 0, 1 << 30), lambda: os.ftruncate(fd, 1 << 40), lambda: os.pwrite(fd, b'x', 1 << 40), lambda: os.copy_file_range(os.open('/usr/bin/env', 0), fd, 1 << 20, 0, 1 << 32)):
        try: f(); print('grown', os.fstat(fd).st_blocks, os.fstat(fd).st_size)
        except OSError as e: print('BLOCKED', e)
    n = 0
    try:
        while True:
            g = os.open('%s/f%d' % (base, n), os.O_RDWR | os.O_CREAT); os.write(g, b'x' * (1 << 20)); os.close(g); n += 1
            if n > 200: print('ESCAPED', base, n, 'MiB'); break
    except OSError as e: print('BLOCKED', n, e)
