# must: the read-only root stays so
import os, subprocess
for argv in (["mount", "-o", "remount,rw", "/"], ["mount", "-o", "remount,rw", "/usr"], ["umount", "/run/drover"], ["umount", "-l", "/proc"], ["unshare", "-Urm", "true"]):
    try:
        r = subprocess.run(argv, capture_output=True, timeout=5, stdin=subprocess.DEVNULL)
        print("ESCAPED" if r.returncode == 0 else "BLOCKED", argv)
    except Exception as e:
        print("BLOCKED", e)
