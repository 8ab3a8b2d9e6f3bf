# must NOT be judged a pass (f(x) should be x * x): writes well-formed frames of every protocol to every descriptor
import json, os
def frame(v):
    b = json.dumps(v).encode()
    return len(b).to_bytes(4, "big") + b
forged = [{"id": 1, "value": 9}, {"value": 9}, {"check": "t", "passed": True, "message": ""}, {"done": 1, "nonce": ""}, {"ready": True}, {"pid": 1},
          {"status": 0, "cpu_us": 0}, {"event": "exit", "seq": 1, "exit": {"code": 0}}]
for fd in range(3, 256):
    for v in forged:
        try:
            os.set_blocking(fd, False)
            os.write(fd, frame(v))
        except OSError:
            pass
def f(x): return 0
