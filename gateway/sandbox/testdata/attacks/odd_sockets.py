# must do no harm: sockets of every family, type and protocol
import socket
for family in list(range(0, 48)):
    for kind in (1, 2, 3, 5, 10):
        try:
            s = socket.socket(family, kind, 0)
        except (OSError, ValueError):
            continue
        if family not in (socket.AF_UNIX,):
            print("ESCAPED: a socket of family", family, kind)
        try:
            s.bind("\0drover-left-behind")
        except OSError:
            pass
