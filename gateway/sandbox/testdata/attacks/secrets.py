# must: no secret of the machine or the gateway can be read
import glob, os
for p in ("/etc/shadow", "/etc/passwd-", "/etc/ssh", "/etc/ssl/private", "/root/.ssh", "/root/.aws", "/root/.pyenv/version", "/root/.netrc", "/home", "/srv",
          "/var/lib", "/var/log", "/opt", "/mnt", "/work", "/sys", "/sys/kernel", "/boot", "/run/secrets", "/run/drover/init", "/var/run/docker.sock", "/etc/machine-id"):
    try:
        d = os.listdir(p) if os.path.isdir(p) else open(p, "rb").read(40)
        if d:
            print("ESCAPED", p, d)
    except OSError:
        pass
for p in glob.glob("/root/*") + glob.glob("/root/.*") + glob.glob("/home/*"):
    print("ESCAPED sees", p)
for k, v in os.environ.items():
    if any(w in k for w in ("KEY", "TOKEN", "SECRET", "PASS", "DROVER")):
        print("ESCAPED env", k)
