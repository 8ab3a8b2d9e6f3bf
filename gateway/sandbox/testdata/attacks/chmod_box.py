# must: permissions changed in the work folder do not hinder the next run
import os
for d in ("/w", "/tmp", "/dev/shm", "/box"):
    try:
        os.chmod(d, 0)
    except OSError as e:
        print("BLOCKED", d, e)
