# must NOT be judged a pass (f(x) should be x * x): replaces itself by an interpreter that speaks the protocol
import os, sys
CODE = """
import json, struct, os
while True:
    h = os.read(3, 4)
    if len(h) < 4: break
    r = json.loads(os.read(3, struct.unpack('>I', h)[0]))
    b = json.dumps({'id': r.get('id'), 'value': True, 'passed': True, 'done': 1}).encode()
    os.write(3, struct.pack('>I', len(b)) + b)
"""
try:
    os.set_inheritable(3, True)
    os.execv('/usr/bin/python3', ['python3', '-c', CODE])
except OSError: pass
def f(x): return True
