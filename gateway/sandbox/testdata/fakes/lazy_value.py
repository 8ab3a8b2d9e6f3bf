# must NOT be judged a pass (f(x) should be x * x): an answer that changes after it was given
import threading
box = []
def f(x):
    box.clear()
    threading.Timer(0.001, lambda: box.append(x * x + 1)).start()
    return box
