# must: shared anonymous memory is bounded
import mmap
kept = []
try:
    for _ in range(64):
        m = mmap.mmap(-1, 32 << 20)
        for i in range(0, 32 << 20, 4096):
            m[i] = 1
        kept.append(m)
    print("ESCAPED got", len(kept) * 32, "MiB")
except (OSError, MemoryError) as e:
    print("BLOCKED", e)
