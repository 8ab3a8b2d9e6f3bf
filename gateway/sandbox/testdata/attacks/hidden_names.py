# must: names that a reset could stumble over
import os
for base in ('/w', '/tmp', '/dev/shm'):
    try:
        os.mkdir(base + '/.hidden'); os.chmod(base + '/.hidden', 0)
        open(base + '/-rf', 'w'); open(base + '/a\nb', 'w'); open(base + '/' + 'x' * 255, 'w')
        open(os.fsencode(base) + b'/\xff\xfe', 'w')
        os.symlink('/', base + '/root'); os.symlink(base + '/self', base + '/self'); os.mkfifo(base + '/pipe')
        os.link(base + '/-rf', base + '/hard')
        d = base
        for i in range(600):
            d += '/d'
            os.mkdir(d)
    except OSError as e: print(e)
p = '/tmp'
os.chdir('/tmp')
try:
    for i in range(1500):
        os.mkdir('e'); os.chdir('e')
except OSError as e: print(e)
print('planted')
