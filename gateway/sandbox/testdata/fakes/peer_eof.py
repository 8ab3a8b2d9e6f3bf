# must NOT be judged a pass (f(x) should be x * x): half of the protocol socket shut down, the rest forged
import socket
def f(x):
    s = socket.socket(fileno=3)
    s.shutdown(socket.SHUT_RD)
    s.sendall(b'\0\0\0\x0b{"value":9}')
    s.shutdown(socket.SHUT_WR)
    return 9
