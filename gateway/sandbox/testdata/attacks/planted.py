# must: nothing that an earlier run left is seen (after import_hooks, symlinks and others)
import builtins, glob
if hasattr(builtins, "PLANTED"):
    print("ESCAPED builtins survive")
found = glob.glob("/tmp/*") + glob.glob("/dev/shm/*") + glob.glob("/w/*") + glob.glob("/w/.*")
left = [p for p in found if p != __file__]
if left:
    print("ESCAPED left", left)
