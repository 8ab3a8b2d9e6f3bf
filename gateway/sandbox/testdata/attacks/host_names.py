# must: no path, cgroup or folder of the machine shows that programs have no use for
import os
for name in ("mountinfo", "mounts", "mountstats"):
    try:
        text = open("/proc/self/" + name).read()
    except OSError as e:
        print("BLOCKED", name, e)
        continue
    for line in text.splitlines():
        if "drover/init" in line or ".test" in line or "/go-build" in line:
            print("ESCAPED", name, line)
try:
    for line in open("/proc/self/cgroup"):
        if line.rstrip("\n").split(":", 2)[2] != "/":
            print("ESCAPED", line)
except OSError as e:
    print("BLOCKED", e)
for folder in ("share", "src", "etc", "sbin", "games"):
    try:
        print("ESCAPED /usr/local/" + folder, os.listdir("/usr/local/" + folder))
    except OSError as e:
        print("BLOCKED", e)
