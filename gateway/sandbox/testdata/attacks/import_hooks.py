# must: hooks planted for later runs are gone with this one
import builtins, os, sys, atexit, signal
class Hook:
    def find_spec(self, name, path=None, target=None):
        print("ESCAPED hook ran for", name)
sys.meta_path.insert(0, Hook()) if False else None
for p in ("/w", "/tmp", "/w/usercustomize.py", "/w/sitecustomize.py", "/tmp/sitecustomize.py", "/w/random.py", "/tmp/json.py", "/w/os.py"):
    try:
        open(p if p.endswith(".py") else p + "/struct.py", "w").write("print('ESCAPED planted')")
    except OSError:
        pass
builtins.PLANTED = 1
os.environ["PYTHONSTARTUP"] = "/w/struct.py"
