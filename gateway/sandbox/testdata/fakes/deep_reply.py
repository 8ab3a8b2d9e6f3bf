# must NOT be judged a pass (f(x) should be x * x): a reply that nests without end
import os
def f(x):
    body = b'{"id":"","value":' + b"[" * 500000 + b"]" * 500000 + b"}"
    os.write(3, len(body).to_bytes(4, "big") + body)
    v = []
    for _ in range(100000): v = [v]
    return v
