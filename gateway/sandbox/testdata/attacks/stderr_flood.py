# must: a flood on stderr ends the run
import os
for _ in range(400):
    os.write(2, b"B" * (1 << 20))
os.write(1, b"ESCAPED wrote 400 MiB")
