# The zygote: a Python process that has imported what programs commonly need and
# forks once for every run, which spares them the start of an interpreter.
#
# It runs in a container, under the seccomp filter of every program, and keeps
# one capability, CAP_SYS_ADMIN of the container's own user namespace, to give
# each fork a pid namespace of its own. The fork drops it before anything else.
# No program can see or signal the zygote, and nothing that a program does to
# its own memory comes back here.
import array, bisect, copy, ctypes, functools, gc, hashlib, inspect, heapq, itertools, resource, socket, statistics, string, time, typing, traceback
import dataclasses, enum, abc, contextlib

CLONE_NEWPID = 0x20000000
LINUX_CAPABILITY_VERSION_3 = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)
no_capabilities = (ctypes.c_uint32 * 6)()
capability_header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0)


def refuse(what):
    code = ctypes.get_errno()
    raise OSError(code, "%s: %s" % (what, os.strerror(code)))


def new_pid_namespace(self_fd):
    # A process can make only one pid namespace for its children; going back to
    # its own first makes room for the next.
    if libc.setns(self_fd, CLONE_NEWPID) != 0:
        refuse("returning to the container's pid namespace")
    if libc.unshare(CLONE_NEWPID) != 0:
        refuse("making a pid namespace")


def pidfd_of_self():
    if _hasattr(os, "pidfd_open"):
        return os.pidfd_open(os.getpid())
    fd = libc.syscall(434, os.getpid(), 0)
    if fd < 0:
        refuse("opening a pidfd")
    return fd


def become(spec, fds):
    """In the fork: leave the zygote's session, descriptors, capabilities and limits."""
    os.setsid()
    # The received numbers may be those they are to become: move them out of the way first.
    high = [os.dup(fd) for fd in fds]
    while _min(high) < _len(fds):
        high = [os.dup(fd) for fd in high]
    for number, fd in _enumerate(high):
        os.dup2(fd, number, inheritable=True)
    os.closerange(_len(fds), 1024)
    if libc.capset(capability_header, no_capabilities) != 0:
        refuse("dropping capabilities")
    for kind, limit in (
        (resource.RLIMIT_CPU, spec["cpu"] + 1), (resource.RLIMIT_NPROC, spec["procs"]), (resource.RLIMIT_NOFILE, spec["files"]),
        (resource.RLIMIT_FSIZE, spec["fsize"]), (resource.RLIMIT_DATA, spec["memory"]), (resource.RLIMIT_AS, 2 * spec["memory"] + (1 << 30)),
        (resource.RLIMIT_STACK, spec["stack"]), (resource.RLIMIT_MEMLOCK, 0), (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    os.chdir("/w")  # random has reseeded itself: its module does so in every fork


def prepare_streams():
    """Text streams over descriptors 1 and 2, whatever these become in a fork."""
    reader, writer = os.pipe()  # as in a fork, where they cannot be sought in
    for fd in (1, 2):
        os.dup2(writer, fd)
    os.close(reader)
    os.close(writer)
    global_stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w")), encoding="utf-8", errors="surrogateescape")
    sys.stdout = sys.__stdout__ = global_stdout
    sys.stderr = sys.__stderr__ = io.TextIOWrapper(io.FileIO(2, "w"), encoding="utf-8", errors="backslashreplace", write_through=True)


def serve():
    control = socket.socket(fileno=3)
    self_fd = pidfd_of_self()

    def order():
        ints = array.array("i")
        head, ancillary, _, _ = control.recvmsg(4, socket.CMSG_SPACE(16 * ints.itemsize))
        if not head:
            _exit(0)
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                ints.frombytes(data[:_len(data) - _len(data) % ints.itemsize])
        head += read_exactly(3, 4 - _len(head)) if _len(head) < 4 else b""
        return _loads(read_exactly(3, _int.from_bytes(head, "big")).decode("utf-8")), _list(ints)

    # sys.path for programs: the standard library and the installed packages,
    # which -S leaves out; site's hooks and .pth files stay out.
    for folder in SITE_PACKAGES:
        if os.path.isdir(folder) and folder not in sys.path:
            sys.path.append(folder)
    sys.dont_write_bytecode = True
    prepare_streams()
    gc.collect()
    gc.freeze()
    send(3, {"ready": True})
    spent = time.process_time()
    while True:
        spec, fds = order()
        try:
            new_pid_namespace(self_fd)
            pid = os.fork()
        except OSError as e:
            for fd in fds:
                os.close(fd)
            send(3, {"error": _str(e)})
            continue
        if pid == 0:
            try:
                become(spec, fds)
                ROLES[spec["role"]](spec)
            except BaseException:
                traceback.print_exc()
            finally:
                _exit(70)
        for fd in fds:
            os.close(fd)
        send(3, {"pid": pid})
        _, status, usage = os.wait4(pid, 0)
        now = time.process_time()
        send(3, {"status": status, "cpu_us": _int((usage.ru_utime + usage.ru_stime) * 1e6), "maxrss_kb": usage.ru_maxrss,
                 "own_us": _int((now - spent) * 1e6)})
        spent = now


serve()
