# must do no harm: system calls that exploits need
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
calls = {"io_uring_setup": 425, "userfaultfd": 323, "perf_event_open": 298, "add_key": 248, "keyctl": 250, "bpf": 321, "kcmp": 312,
         "process_vm_writev": 311, "pidfd_getfd": 438, "setns": 308, "unshare": 272, "open_by_handle_at": 304, "fanotify_init": 300,
         "kexec_load": 246, "init_module": 175, "mount": 165, "fsopen": 430, "open_tree": 428, "move_mount": 429, "landlock_restrict_self": 446,
         "memfd_secret": 447, "lookup_dcookie": 212, "modify_ldt": 154, "iopl": 172, "quotactl": 179, "nfsservctl": 180, "vmsplice_": 278}
for name, number in calls.items():
    ctypes.set_errno(0)
    got = libc.syscall(number, 1 if name == "io_uring_setup" else 0, 0, 0, 0, 0, 0)
    if got > 2 and name not in ("vmsplice_",):
        print("ESCAPED", name, got)
