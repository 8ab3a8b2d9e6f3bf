# must: only the work folder, /tmp and /dev/shm can be written
import os
for root, dirs, files in os.walk("/"):
    if root.startswith(("/proc", "/box", "/w", "/tmp", "/dev/shm", "/var/tmp")) or root.count("/") > 5:
        dirs[:] = []
        continue
    try:
        open(root + "/.drover-pwn", "w").close()
        print("ESCAPED wrote", root)
    except OSError:
        pass
    for f in files[:5]:
        p = os.path.join(root, f)
        if root == "/dev" or os.path.islink(p):
            continue
        try:
            os.close(os.open(p, os.O_WRONLY))
            print("ESCAPED", p)
        except OSError:
            pass
