# must: netlink, packet, vsock, bluetooth, alg and raw sockets
import socket
for fam in (16, 17, 40, 31, 38, 29, 15, 21, 30, 44, 2, 10):
    for kind in (1, 2, 3, 5):
        for proto in (0, 15, 255):
            try:
                s = socket.socket(fam, kind, proto)
                print('ESCAPED' if fam not in (1,) else 'made', fam, kind, proto); s.close()
            except OSError: pass
