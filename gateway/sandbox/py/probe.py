# Tries to break the sandbox's promises and says what happened. Run at start,
# after any trouble, and every few minutes, in the real engine.
import ctypes, json, mmap, os, socket, sys, time

libc = ctypes.CDLL(None, use_errno=True)


def attempt(what):
    try:
        return "ALLOWED: %s" % (what(),)
    except OSError as e:
        return "refused: %s" % e.strerror


def raw(number, *args):
    if libc.syscall(number, *args) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "system call %d" % number


def fork_until_refused():
    children = []
    try:
        for _ in range(400):
            pid = os.fork()
            if pid == 0:
                time.sleep(30)
                os._exit(0)
            children.append(pid)
    finally:
        for pid in children:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
    return "400 processes"


def capabilities():
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    libc.capget(header, data)
    if any(data):
        return "ALLOWED: capabilities %s" % list(data)
    return attempt(lambda: os.chroot("/tmp"))


def unshare():
    if libc.unshare(0x10000000) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "a user namespace"


if sys.argv[1] == "escape":
    machine = os.uname().machine
    said = {
        "network": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)),
        "host files": attempt(lambda: open(sys.argv[2]).read()),
        "namespaces": attempt(unshare),
        "capabilities": capabilities(),
        "processes": attempt(fork_until_refused),
        "tracing": attempt(lambda: raw(101 if machine == "x86_64" else 117, 16, 1, 0, 0)),
    }
    if len(sys.argv) > 3:  # without a pid namespace
        said["signals"] = attempt(lambda: os.kill(int(sys.argv[3]), 0))
        said["other processes"] = attempt(lambda: open("/proc/%s/cmdline" % sys.argv[3]).read())
        said["modes"] = attempt(lambda: os.chmod(sys.argv[2], 0o666))
    print(json.dumps(said))
elif sys.argv[1] == "daemon":
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            libc.prctl(15, sys.argv[2].encode(), 0, 0, 0)
            time.sleep(30)
        os._exit(0)
    os.wait()
elif sys.argv[1] == "memory":
    for _ in range(8):
        if os.fork() == 0:
            block = bytearray(os.urandom(1 << 20) * 12)
            time.sleep(5)
            os._exit(0)
    time.sleep(5)
    print("ALLOWED")
