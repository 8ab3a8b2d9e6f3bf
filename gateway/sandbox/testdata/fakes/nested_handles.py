# must NOT be judged a pass (f(x) should be x * x): handles of objects that do not exist, and of the harness
import json, os, struct, sys
def f(x):
    fr = sys._getframe(1)
    while fr:
        request = fr.f_locals.get('request')
        if type(request) is dict and 'id' in request:
            for value in ({"h": -1}, {"h": 10**9}, {"h": 0, "u": 9}, {"h": 7, "module": "builtins"}, {"ob": 0}, {"cb": 0}, {"h": 3, "class": "int", "mro": [["int", "builtins", 3], ["object", "builtins", None]]}):
                body = json.dumps({"id": request['id'], "value": value, "method": True, "same": 0}).encode()
                os.write(3, struct.pack('>I', len(body)) + body)
            os._exit(0)
        fr = fr.f_back
