# must do no harm: uses up every descriptor, in every process
import os
for i in range(30):
    if os.fork() == 0:
        break
held = []
for i in range(100000):
    try:
        held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        break
    try:
        held.append(os.dup(held[-1]))
        held.extend(os.pipe())
    except OSError:
        break
if len(held) > 4096:
    print("ESCAPED: %d descriptors" % len(held))
