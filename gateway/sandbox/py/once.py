# In place of the zygote where there are no namespaces: one start of the
# interpreter for one run, in the work folder that it is told.
import array, bisect, copy, ctypes, functools, gc, hashlib, inspect, heapq, itertools, resource, socket, statistics, string, time, typing, traceback
import dataclasses, enum, abc, contextlib


def once():
    global WORK
    spec = _loads(sys.argv[1])
    sys.argv = [""]
    WORK = spec["work"]
    for folder in SITE_PACKAGES:
        if os.path.isdir(folder) and folder not in sys.path:
            sys.path.append(folder)
    sys.dont_write_bytecode = True
    sys.stdout = sys.__stdout__ = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w")), encoding="utf-8", errors="surrogateescape")
    sys.stderr = sys.__stderr__ = io.TextIOWrapper(io.FileIO(2, "w"), encoding="utf-8", errors="backslashreplace", write_through=True)
    for kind, limit in ((resource.RLIMIT_NOFILE, spec["files"]), (resource.RLIMIT_AS, 2 * spec["memory"] + (1 << 30))):
        resource.setrlimit(kind, (limit, limit))
    try:
        ROLES[spec["role"]](spec)
    except BaseException:
        traceback.print_exc()
    finally:
        _exit(70)


once()
