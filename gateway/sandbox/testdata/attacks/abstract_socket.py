# must: abstract unix sockets of the machine cannot be reached
import socket
try:
    s = socket.socket(socket.AF_UNIX)
    s.connect("\0drover-canary")
    print("ESCAPED")
except OSError as e:
    print("BLOCKED", e)
