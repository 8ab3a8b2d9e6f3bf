# must NOT be judged a pass (f(x) should be x * x): claims that the argument was changed so that the check holds
import json, os, struct, sys
def f(x):
    fr = sys._getframe(1)
    while fr:
        request = fr.f_locals.get('request')
        if type(request) is dict and 'id' in request:
            body = json.dumps({"id": request['id'], "value": 0, "changed": [[0, 0], ["x", 0], [-1, 0]]}).encode()
            os.write(3, struct.pack('>I', len(body)) + body)
            os._exit(0)
        fr = fr.f_back
