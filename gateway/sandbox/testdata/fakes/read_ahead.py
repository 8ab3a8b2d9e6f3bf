# must NOT be judged a pass (f(x) should be x * x): reads the next request and answers it too
import json, os, struct, sys
def f(x):
    try:
        os.set_blocking(3, False)
        head = os.read(3, 65536)
    except OSError: head = b''
    for i in range(64):
        body = json.dumps({"id": "%016x" % i, "value": 9}).encode()
        os.write(3, struct.pack('>I', len(body)) + body)
    return 0
