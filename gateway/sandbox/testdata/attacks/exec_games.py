# must: programs run from memory, by fd, by the loader and with an empty argv
import ctypes, os, shutil, subprocess
libc = ctypes.CDLL(None, use_errno=True)
r = libc.syscall(319, b'x', 0)
if r >= 0: print('memfd', r)
for base in ('/w', '/tmp', '/dev/shm'):
    try:
        shutil.copy('/bin/true', base + '/t'); os.chmod(base + '/t', 0o6755)
        s = os.stat(base + '/t')
        print(base, oct(s.st_mode), subprocess.run([base + '/t']).returncode)
    except OSError as e: print('BLOCKED', base, e)
import glob
for ld in glob.glob('/lib*/ld-linux*')[:1]:
    print(subprocess.run([ld, '/bin/sh', '-c', 'id -u; cat /etc/shadow'], capture_output=True).stdout)
