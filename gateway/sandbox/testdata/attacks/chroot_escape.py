# must: a way out by directories above the root leads back to it
import os
fd = os.open("/", os.O_RDONLY)
for _ in range(64):
    os.chdir("..")
print(sorted(os.listdir(".")))
for name in ("work", "home", "srv", "opt", "mnt", "boot", "lost+found", "old", "new"):
    try:
        print("ESCAPED", name, os.listdir(name))
    except OSError:
        pass
