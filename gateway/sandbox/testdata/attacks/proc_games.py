# must: /proc shows the run alone, and nothing in it can be written
import os
for p in ("/proc/1/environ", "/proc/1/mem", "/proc/1/maps", "/proc/1/root/etc/shadow", "/proc/1/fd", "/proc/1/cmdline", "/proc/2/cmdline", "/proc/3/cmdline"):
    try:
        d = os.listdir(p) if p.endswith("fd") else open(p, "rb").read(64)
        print("ESCAPED", p, d)
    except OSError:
        pass
for p in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/self/oom_score_adj", "/proc/self/coredump_filter", "/proc/self/uid_map",
          "/proc/self/setgroups", "/proc/self/attr/current", "/proc/self/timerslack_ns", "/proc/self/mem", "/proc/self/comm", "/proc/sys/vm/overcommit_memory"):
    try:
        os.close(os.open(p, os.O_WRONLY))
        print("WRITABLE", p)
    except OSError:
        pass
for name in ("kcore", "kmsg", "keys", "kallsyms", "modules", "mounts", "cmdline", "cpuinfo", "config.gz", "iomem"):
    try:
        if name in ("kcore", "kmsg", "kallsyms", "iomem", "keys") and open("/proc/" + name, "rb").read(64).strip():
            print("ESCAPED", name)
    except OSError:
        pass
print(sorted(p for p in os.listdir("/proc") if p.isdigit()) if os.path.isdir("/proc") else "none")
