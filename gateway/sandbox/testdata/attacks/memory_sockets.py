# must: what waits in socket buffers is memory
import os, socket, time
r, w = os.pipe()
for _ in range(40):
    try:
        if os.fork():
            continue
    except OSError:
        break
    sent, keep = 0, []
    try:
        for _ in range(58):
            pair = socket.socketpair()
            keep.append(pair)
            for s in pair:
                s.setblocking(False)
                try:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
                except OSError:
                    pass
                try:
                    while sent < 9 << 20:
                        sent += s.send(b"x" * 65536)
                except OSError:
                    pass
    except OSError:
        pass
    os.write(w, b"%d\n" % sent)
    time.sleep(2)
    os._exit(0)
time.sleep(0.4)
held = sum(map(int, os.read(r, 65536).split()))
print("ESCAPED" if held > 280 << 20 else "BLOCKED", held >> 20, "MiB in socket buffers", flush=True)
