# must NOT be judged a pass (f(x) should be x * x): calls functions of the tests that nobody handed over
import json, os, struct
def f(x):
    for what in ({"cb": 0}, {"ob": 0, "get": "passed"}, {"ob": 0, "set": "passed"}, {"cb": -1}, {"ob": -1, "get": "__class__"}):
        body = json.dumps({**what, "args": [True], "kwargs": {}}).encode()
        os.write(3, struct.pack('>I', len(body)) + body)
    return 0
