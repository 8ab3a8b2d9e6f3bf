# What the tests' text alone tells: whether they can run apart from the candidate,
# and which of their names mean the solution.
import ast

# Modules that tests may use without importing them, as MBPP's do.
LENT = {"math", "cmath", "re", "string", "itertools", "collections", "functools", "operator", "datetime", "decimal", "fractions", "statistics"}


_nodes = {}


def nodes_of(tree):
    """All nodes of a tree but for contexts, found once: looking is most of what
    reading the tests costs."""
    found = _nodes.get(id(tree))
    if found is None:
        found = _nodes[id(tree)] = [tree]
        for node in found:
            for field in node._fields:
                value = getattr(node, field, None)
                if type(value) is list:
                    found.extend([v for v in value if isinstance(v, ast.AST)])
                elif isinstance(value, ast.AST) and field != "ctx":
                    found.append(value)
    return found


# Whether tests can be run apart from the candidate.

APART_NEVER = {  # names whose use reaches into the candidate's process or its files
    "mock": "mocks", "patch": "mocks", "MagicMock": "mocks", "Mock": "mocks", "AsyncMock": "mocks", "mocker": "mocks",
    "monkeypatch": "patches", "MonkeyPatch": "patches", "open": "files", "tempfile": "files", "tmp_path": "files", "tmpdir": "files",
    "pathlib": "files", "Path": "files", "shutil": "files", "subprocess": "processes", "capfd": "descriptors", "threading": "threads",
    "multiprocessing": "processes", "concurrent": "threads", "ThreadPoolExecutor": "threads", "inspect": "introspection",
    "builtins": "builtins", "gc": "introspection", "weakref": "introspection", "tracemalloc": "introspection", "pickle": "pickling",
    "deepcopy": "", "__builtins__": "builtins", "importlib": "imports", "signal": "signals",
}


def needs_sharing(tree, solution_names, module_name):
    """Why these tests must run in the candidate's process; empty when they need not."""
    # What the tests take from the solution decides, not what it defines: it could
    # name anything to be let into the tests' process.
    bound = bound_names(tree)
    taken = {a.asname or a.name for n in nodes_of(tree) if isinstance(n, ast.ImportFrom) and (n.module == module_name or is_missing(n.module or ""))
             for a in n.names}
    if "*" in taken:
        bound = {a.asname or a.name for n in nodes_of(tree) if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names} - taken | {
            n.name for n in nodes_of(tree) if isinstance(n, ast.ClassDef)}
    taken |= {n for n in solution_names if n not in bound and not is_shadow(n)}
    for node in nodes_of(tree):
        if isinstance(node, ast.Name) or isinstance(node, ast.arg):
            why = APART_NEVER.get(node.id if isinstance(node, ast.Name) else node.arg)
            if why or (node.id if isinstance(node, ast.Name) else node.arg) in WITHIN - {"err"}:
                return why or "what the solution does to its own process"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            module = getattr(node, "module", None) or ""
            for name in [module] + [a.name for a in node.names]:
                for part in name.split("."):
                    if APART_NEVER.get(part):
                        return APART_NEVER[part]
        elif isinstance(node, ast.ClassDef):
            for base in node.bases:
                root = base
                while isinstance(root, ast.Attribute):
                    root = root.value
                if isinstance(root, ast.Name) and (root.id in taken or root.id == module_name) and not (
                        isinstance(base, ast.Attribute) and base.attr == "TestCase"):
                    return "subclasses of the solution's classes"
        elif isinstance(node, ast.Attribute) and node.attr in WITHIN:
            return "what the solution does to its own process"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "os" and node.attr != "path":
                return "files"
            if node.value.id == "sys" and node.attr in ("stdin", "argv", "modules", "setrecursionlimit", "getrefcount"):
                return "the interpreter's state"
            if node.value.id == "random" and node.attr == "seed":
                return "the state of random"
    return ""


# Names by which tests look at what a proxy may show differently.
DOUBTFUL = {"seed", "getcontext", "localcontext", "setcontext", "__annotations__", "vars", "iscoroutinefunction", "asdict", "astuple", "replace", "fields",
            "callable", "copy", "deepcopy", "id", "types", "signature", "is_dataclass", "getrefcount", "getsizeof", "hints", "get_type_hints"}
# Names of what the solution does to its own process, seen only from within it.
WITHIN = {"warns", "assertWarns", "assertWarnsRegex", "assertLogs", "assertNoLogs", "catch_warnings", "deprecated_call", "caplog", "recwarn", "err"}


def doubtful(trees):
    """Why tests that fail apart from the solution could hold in one process with it."""
    for tree in trees:
        for node in nodes_of(tree):
            name = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "arg", None)
            if isinstance(node, (ast.AsyncFor, ast.AsyncWith)) or isinstance(node, ast.comprehension) and node.is_async:
                return "asynchronous iteration is used"
            if isinstance(name, str) and name in DOUBTFUL:
                return "%s is used" % name
            if isinstance(node, ast.Compare) and any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops) and not any(
                    isinstance(c, ast.Constant) for c in (node.left, *node.comparators)):
                return "identities are compared"
    return ""


def defined_names(tree):
    """Names that the tests bind at the top level."""
    names = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((a.asname or a.name).split(".")[0] for a in node.names)
    return names


LIBRARIES = {"numpy", "pandas", "scipy", "sympy", "hypothesis", "requests", "matplotlib", "sklearn", "torch", "networkx", "yaml", "attr", "pydantic"}


def alias_missing_modules(trees, solution, names, entry):
    """Tests name the solution's module in their own way: an import of a module
    that is not here means the solution, if the tests get the subject under test
    by it and in no other way. Gives the first module that stays missing."""
    missing, order, named, bare = {}, [], False, False
    for tree in trees:
        bound, used = bound_names(tree), {n.id for n in nodes_of(tree) if isinstance(n, ast.Name)}
        bare = bare or any(n in used and n not in bound and not is_shadow(n) for n in names)
        named = named or "candidate" in used and "candidate" not in bound \
            or any(isinstance(n, ast.FunctionDef) and n.name == "check" and n.args.args for n in tree.body)
        for node in nodes_of(tree):
            for module, wanted in imported(tree, node):
                named = named or module == solution_name
                if is_missing(module):
                    missing.setdefault(module, set()).update(wanted)
                    if node in tree.body and module not in order:
                        order.append(module)
    root = entry.split(".")[0]
    known = [m for m, wanted in missing.items() if wanted and m.split(".")[0] not in LIBRARIES and all(n == "*" or n in names for n in wanted)]
    chosen = [m for m in known if root and root in missing[m]]
    if not chosen and len(known) == 1 and not named and (not bare or "*" in missing[known[0]]):
        chosen = known
    for module in chosen[:1]:
        place(module, solution)
        order = [m for m in order if m != module]
    return order[0] if order else ""


def imported(tree, node):
    """The modules that a statement imports, with the names it wants of each."""
    if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        return [(node.module, {a.name for a in node.names})]
    if not isinstance(node, ast.Import):
        return []
    out = []
    for alias in node.names:
        parts = (alias.asname or alias.name).split(".")
        out.append((alias.name, {n.attr for n in nodes_of(tree) if isinstance(n, ast.Attribute) and dotted(n.value) == parts}))
    return out


def dotted(node):
    if isinstance(node, ast.Attribute):
        return dotted(node.value) + [node.attr]
    return [node.id] if isinstance(node, ast.Name) else [""]


def is_missing(module):
    import importlib.util
    if module in sys.modules:
        return False
    try:
        return importlib.util.find_spec(module.split(".")[0]) is None
    except (ImportError, ValueError):
        return True


def place(module, solution):
    """Makes a dotted name lead to the solution."""
    parts = module.split(".")
    for i in range(1, len(parts)):
        parent = sys.modules.setdefault(".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
        parent.__path__ = []
        setattr(parent, parts[i], solution if i == len(parts) - 1 else sys.modules.setdefault(".".join(parts[:i + 1]), types.ModuleType(parts[i])))
    sys.modules[module] = solution


def bound_names(tree):
    """Names that the tests bind anywhere."""
    names = defined_names(tree)
    for node in nodes_of(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((a.asname or a.name).split(".")[0] for a in node.names)
    return names


def is_shadow(name):
    """A name that the tests take for Python's own: a solution that defines abs or
    math must not judge itself by them."""
    return hasattr(builtins, name) or name in LENT
