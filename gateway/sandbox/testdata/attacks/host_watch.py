# must: nobody learns which files the machine opens
import ctypes, fcntl, os, platform
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.inotify_init1(0)
print("ESCAPED watches" if fd >= 0 and libc.inotify_add_watch(fd, b"/usr/bin", 0x21) >= 0 else "BLOCKED inotify")
print("ESCAPED watches all" if libc.fanotify_init(0x200, 0) >= 0 else "BLOCKED fanotify")
for name, command, argument in (("dnotify", 1026, 1), ("lease", 1024, fcntl.F_RDLCK)):
    try:
        fcntl.fcntl(os.open("/usr/bin" if name == "dnotify" else "/usr/bin/env", os.O_RDONLY), command, argument)
        print("ESCAPED", name)
    except OSError as e:
        print("BLOCKED", name, e)
