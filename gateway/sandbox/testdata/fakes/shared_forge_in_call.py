# must NOT be judged a pass (f(x) should be x * x): the same from within a call
import json, os, struct, sys
def f(x):
    frame, nonce = sys._getframe(), ""
    while frame:
        nonce = frame.f_locals.get("nonce", nonce) or nonce
        frame = frame.f_back
    if nonce:
        for message in ({"check": "a", "passed": True}, {"check": "b", "passed": True}, {"check": "c", "passed": True}, {"done": 3, "nonce": nonce}):
            body = json.dumps(message).encode()
            os.write(4, struct.pack(">I", len(body)) + body)
        os._exit(0)
    return 0
