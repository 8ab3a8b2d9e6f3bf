# must: processor time over many children counts together
import os
for _ in range(8):
    if os.fork() == 0:
        break
while True:
    pass
