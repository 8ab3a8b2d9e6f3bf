package sandbox

import (
	"strings"
	"testing"
	"time"
)

// forgery is a solution that writes its own reply to a call.
const forgery = `
import json, os, struct, sys, time
def forge(value):
    frame = sys._getframe(1)
    while frame:
        request = frame.f_locals.get("request")
        if type(request) is dict and "id" in request:
            body = json.dumps({"id": request["id"], "value": value}).encode()
            os.write(3, struct.pack(">I", len(body)) + body)
            time.sleep(.2)
            os._exit(0)
        frame = frame.f_back
`

// A value that would keep the gateway busy, or fill its memory, fails within the
// job's own limits.
func TestHugeValuesStayOutsideTheGateway(t *testing.T) {
	r := commonRunner(t)
	raw := strings.Replace(forgery, "json.dumps({\"id\": request[\"id\"], \"value\": value}).encode()", "b'{\"id\":\"' + request['id'].encode() + b'\",\"value\":' + value + b'}'", 1)
	raw = strings.Replace(raw, "            os.write(3, struct.pack(\">I\", len(body)) + body)\n", "            view = memoryview(struct.pack(\">I\", len(body)) + body)\n            while view: view = view[os.write(3, view):]\n", 1)
	for i, c := range []struct{ name, code, tests string }{
		{"integer in a set", "def f(x): return {1 << 60000000}\n", "assert f(3) == {9}\n"},
		{"integer as a key", "def f(x): return {1 << 60000000: 1}\n", "assert f(3) == {9: 1}\n"},
		{"integers divided", "def f(x): return (3 << 8000000) + x * x * 7 + 1\n", "assert f(9) % f(3) == 9\n"},
		{"eight million of 0", raw + "def f(x): forge(b'[' + b'0,' * 8000000 + b'0]')\n", "assert f(3) == 9\n"},
		{"five million of []", raw + "def f(x): forge(b'[' + b'[],' * 5000000 + b'0]')\n", "assert f(3) == 9\n"},
	} {
		if !*all && i%2 != 0 { // each takes seconds
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			report, err := r.Run(t.Context(), Job{Code: c.code, Tests: []string{c.tests}, Limits: Limits{CPU: time.Second, slack: time.Second}})
			if err != nil || report.Verdict != Failed {
				t.Errorf("%+v, %v", report, err)
			}
			if report.Wall > 12*time.Second {
				t.Errorf("took %s", report.Wall)
			}
		})
	}
	healthy(t, r)
}
