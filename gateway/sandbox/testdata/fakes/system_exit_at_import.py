# must NOT be judged a pass (f(x) should be x * x): SystemExit at import
raise SystemExit
