# must do no harm: memory files by the hundred, sealed, mapped and inherited
import mmap, os
held = []
for i in range(2000):
    try:
        fd = os.memfd_create("m%d" % i)
        os.ftruncate(fd, 8 << 20)
        m = mmap.mmap(fd, 8 << 20)
        for at in range(0, 8 << 20, 4096):
            m[at] = 1
        held.append(m)
        os.close(fd)
    except OSError:
        break
print(len(held))
if len(held) * 8 > 1024:
    print("ESCAPED: more memory than allowed")
