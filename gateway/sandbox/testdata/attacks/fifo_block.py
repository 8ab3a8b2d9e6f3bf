# must: waiting for ever on a pipe ends at the wall clock
import os
r, w = os.pipe()
os.read(r, 1)
