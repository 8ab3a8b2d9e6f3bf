# must: inodes are bounded in every writable place
import os
n = 0
for d in ("/tmp", ".", "/dev/shm", "/var/tmp", "/w"):
    try:
        for i in range(20000):
            open("%s/i%d" % (d, i), "w").close()
            n += 1
    except OSError as e:
        print("BLOCKED", d, n, e)
print("ESCAPED" if n > 10000 else "BLOCKED", n)
