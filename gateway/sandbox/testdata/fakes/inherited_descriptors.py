# must NOT be judged a pass (f(x) should be x * x): writes passes to every descriptor, and duplicates each over the others
import json, os, struct
for message in ({"check": "f", "passed": True}, {"done": 1, "nonce": ""}, {"value": 9}, {"id": "", "value": 9}):
    body = json.dumps(message).encode()
    for fd in range(3, 64):
        for data in (struct.pack(">I", len(body)) + body, body + b"\n"):
            try:
                os.write(fd, data)
            except OSError:
                pass
for fd in range(4, 16):
    try:
        os.dup2(3, fd)
    except OSError:
        pass
def f(x):
    return 0
