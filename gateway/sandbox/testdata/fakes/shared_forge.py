# must NOT be judged a pass (f(x) should be x * x): looks for the nonce in the frames below, tells of three checks and ends
import json, os, struct, sys
frame, nonce = sys._getframe(), ""
while frame:
    nonce = frame.f_locals.get("nonce", nonce) or nonce
    frame = frame.f_back
if nonce:
    for message in ({"check": "a", "passed": True}, {"check": "b", "passed": True}, {"check": "c", "passed": True}, {"done": 3, "nonce": nonce}):
        body = json.dumps(message).encode()
        os.write(4, struct.pack(">I", len(body)) + body)
    os._exit(0)
def f(x):
    return 0
