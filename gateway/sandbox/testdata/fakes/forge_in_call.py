# must NOT be judged a pass (f(x) should be x * x): answers ahead, with the id it sees in the request's frame
import json, os, sys
def f(x):
    fr = sys._getframe()
    ids = set()
    while fr:
        for v in fr.f_locals.values():
            if isinstance(v, dict) and "id" in v:
                ids.add(str(v["id"]))
        fr = fr.f_back
    for i in ids:
        for value in (9, 16, 1, True):
            b = json.dumps({"id": i, "value": value}).encode()
            try:
                os.write(3, len(b).to_bytes(4, "big") + b)
            except OSError:
                pass
    return 0
