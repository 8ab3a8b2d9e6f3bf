# must do no harm: folders nested deeper than any path, and names of every length
import os
os.chdir("/tmp")
for i in range(100000):
    try:
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
    except OSError:
        break
os.chdir("/w")
for i in range(5000):
    try:
        os.symlink("x" * 4000, "l%d" % i)
        os.link("l%d" % i, "h%d" % i)
        os.mkfifo("p%d" % i)
    except OSError:
        pass
for name in ("\n", "\x1b[2J", "-rf", "\udcff", "a" * 255):
    try:
        open(name, "w").close()
    except (OSError, UnicodeError):
        pass
try:
    os.chmod("/w", 0)
    os.chmod("/tmp", 0)
except OSError:
    pass
