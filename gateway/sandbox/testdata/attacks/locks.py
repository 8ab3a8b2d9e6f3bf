# must: a deadlock ends at the wall clock
import threading
l = threading.Lock()
l.acquire()
l.acquire()
