# must: setuid programs gain nothing
import glob, os, stat, subprocess
for p in ("su", "sudo", "mount", "passwd", "newgrp", "chsh", "pkexec", "newuidmap", "ping"):
    for d in ("/usr/bin/", "/bin/", "/usr/sbin/"):
        if os.path.exists(d + p):
            try:
                r = subprocess.run([d + p, "--help"], capture_output=True, timeout=3, stdin=subprocess.DEVNULL)
            except Exception:
                pass
try:
    r = subprocess.run(["su", "-c", "id -u"], capture_output=True, timeout=3, stdin=subprocess.DEVNULL, text=True)
    print("ESCAPED" if r.stdout.strip() == "0" else "BLOCKED")
except Exception as e:
    print("BLOCKED", e)
