# must: standard input holds nothing of the gateway's
import sys
d = sys.stdin.read()
print("ESCAPED" if d.strip() else "BLOCKED", repr(d))
