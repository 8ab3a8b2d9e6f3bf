# must NOT be judged a pass (f(x) should be x * x): leaves modules that Python imports by itself
import os
for folder in ("/w", "/tmp", "."):
    for name in ("sitecustomize.py", "usercustomize.py", "conftest.py", "pytest.py", "unittest.py", "forged.pth", "decimal.py", "json.py"):
        try:
            with open(os.path.join(folder, name), "w") as out:
                out.write("import os\nos._exit(0)\n")
        except OSError:
            pass
def f(x):
    return 0
