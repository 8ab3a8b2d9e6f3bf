# must: what unpacks to gigabytes is bounded
import zlib
data = zlib.compress(b"\0" * (64 << 20), 9)
out = []
try:
    for _ in range(40):
        out.append(zlib.decompress(data))
    print("ESCAPED", len(out) * 64, "MiB")
except MemoryError:
    print("BLOCKED", len(out) * 64, "MiB")
