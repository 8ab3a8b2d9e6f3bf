# must NOT be judged a pass (f(x) should be x * x): a monitoring tool that answers for the harness
import sys
try:
    sys.monitoring.use_tool_id(1, 'x')
    sys.monitoring.set_events(1, sys.monitoring.events.PY_RETURN)
    sys.monitoring.register_callback(1, sys.monitoring.events.PY_RETURN, lambda *a: (_ for _ in ()).throw(SystemExit(0)))
except AttributeError:
    sys.setprofile(lambda fr, e, a: fr.f_locals.update(value=9))
def f(x): return 0
