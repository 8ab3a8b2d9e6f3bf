# must: magic links lead nowhere outside
import os
for p in ("/proc/self/root/../../etc/shadow", "/proc/self/cwd/../../../etc/shadow", "/proc/thread-self/root/root/.bashrc", "/proc/self/fd/3/../../etc/shadow"):
    try:
        print("ESCAPED", p, open(p).read(20))
    except OSError:
        pass
for fd in range(0, 64):
    try:
        t = os.readlink("/proc/self/fd/%d" % fd)
        if t.startswith("/") and not t.startswith(("/box", "/dev/null", "/proc", "/usr", "/root/.pyenv", "/w")):
            print("ESCAPED fd", fd, t)
    except OSError:
        pass
print("done")
