# must NOT be judged a pass (f(x) should be x * x): the compiler and the parser replaced
import ast, builtins, importlib.machinery
ast.parse = lambda *a, **k: ast.Module([], [])
builtins.exec = lambda *a, **k: None
importlib.machinery.SourceFileLoader.source_to_code = lambda s, d, p, **k: compile('', p, 'exec')
def f(x): return 0
