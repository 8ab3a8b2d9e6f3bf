# must: page tables count as memory
import mmap
n = 0
kept = []
try:
    for _ in range(4096):
        m = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)
        for i in range(0, 1 << 30, 2 << 20):
            m[i]
        kept.append(m)
        n += 1
    print("ESCAPED", n, "GiB mapped")
except (OSError, MemoryError, ValueError) as e:
    print("BLOCKED", n, e)
