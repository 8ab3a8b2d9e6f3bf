# must: sleeping past the wall clock ends the run and its children
import os, time
for _ in range(10):
    os.fork()
    break
time.sleep(3600)
