# must: descriptors in flight are bounded and end with the run
import array, os, socket
pairs = []
try:
    for _ in range(40):
        a, b = socket.socketpair()
        for _ in range(200):
            a.setblocking(False)
            a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
        pairs.append((a, b))
except OSError as e:
    print("BLOCKED", e)
print("done")
