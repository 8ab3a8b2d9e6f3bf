# must: a lock on a file that the machine has too is no lock there
import fcntl, os, time
held = []
for name in ("/usr/bin/env", "/usr/lib/os-release", os.__file__):
    f = open(name, "rb")
    for take in (lambda: fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB), lambda: fcntl.lockf(f, fcntl.LOCK_SH | fcntl.LOCK_NB)):
        try:
            take()
            held.append(f)
        except OSError as e:
            print("BLOCKED", name, e)
print("locked", len(held), flush=True)
# The machine's side of this is TestLocksStayInside.
