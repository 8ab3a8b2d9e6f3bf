package sandbox

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A gateway with workers judges as one without.
func TestRemoteJudgesOnWorkers(t *testing.T) {
	worker := commonRunner(t)
	server := httptest.NewServer(Handler(worker, "secret"))
	t.Cleanup(server.Close)
	r := testRunner(t, Config{Engine: EngineRemote, Remote: Remote{URLs: []string{"http://127.0.0.1:9", server.URL}, Token: "secret"}})
	for range 2 { // whichever worker is first in turn
		for code, want := range map[string]Verdict{square: Passed, "def f(x): return 0\n": Failed} {
			report, err := r.Run(t.Context(), Job{Code: code, Tests: []string{"assert f(3) == 9"}, Files: map[string][]byte{"data.bin": {0, 255}}})
			if err != nil || report.Verdict != want || report.Assurance != High {
				t.Errorf("got %+v, %v", report, err)
			}
		}
	}
	if r.Engine() != EngineRemote {
		t.Errorf("engine %s", r.Engine())
	}
	if _, err := r.Run(t.Context(), Job{}); err == nil {
		t.Error("a job without tests was taken")
	}
}

func TestRemoteIsDownWithoutWorkersOrToken(t *testing.T) {
	worker := commonRunner(t)
	server := httptest.NewServer(Handler(worker, "secret"))
	t.Cleanup(server.Close)
	for name, c := range map[string]Remote{
		"no worker":   {URLs: []string{"http://127.0.0.1:9"}, Token: "secret"},
		"wrong token": {URLs: []string{server.URL}, Token: "guess"},
	} {
		r, err := New(t.Context(), Config{Engine: EngineRemote, Remote: c}, nil)
		if err != nil {
			t.Fatal(err)
		}
		report, err := r.Run(t.Context(), Job{Code: square, Tests: []string{"assert f(3) == 9"}})
		if err != nil || report.Verdict != Unjudged || report.Reason != ReasonRunnerDown || !strings.Contains(report.Detail, "sandbox.remote") {
			t.Errorf("%s: got %+v, %v", name, report, err)
		}
		if r.Down() == "" {
			t.Errorf("%s: not down", name)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A worker that accepts and never answers hands over to the next, and with none
// there is no verdict.
func TestRemoteLeavesASilentWorker(t *testing.T) {
	worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { reply(w, Report{Verdict: Passed}) }))
	t.Cleanup(worker.Close)
	release := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body) // whose end lets the server see that the client left
		select {
		case <-q.Context().Done():
		case <-release:
		}
	}))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(release) })
	job := Job{Code: square, Tests: []string{"assert f(3) == 9"}}
	for name, c := range map[string]struct {
		urls   []string
		within time.Duration
		want   Verdict
	}{
		"one answers": {[]string{silent.URL, worker.URL}, time.Second, Passed},
		"none":        {[]string{silent.URL, silent.URL}, 50 * time.Millisecond, Unjudged},
	} {
		r, err := newRemote(Config{Remote: Remote{URLs: c.urls, Token: "secret"}})
		if err != nil {
			t.Fatal(err)
		}
		r.within = func(Job) time.Duration { return c.within }
		r.next.Store(1) // the first one is asked first
		report, err := r.run(t.Context(), job)
		if err != nil || report.Verdict != c.want || c.want == Unjudged && (report.Reason != ReasonRunnerDown || !strings.Contains(report.Detail, "no verdict within 50ms")) {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
		r.close()
	}
	c := Config{CPU: time.Second, Languages: map[string]Language{"javascript": {CPU: 10 * time.Second}}}.withDefaults()
	for want, j := range map[time.Duration]Job{
		25 * time.Second: {}, 28 * time.Second: {Limits: Limits{CPU: 2 * time.Second}}, 52 * time.Second: {Language: "javascript"}, 145 * time.Second: {Language: "go"},
	} {
		if got := c.remoteTime(j); got != want {
			t.Errorf("%+v: %v, want %v", j, got, want)
		}
	}
}

func TestHandlerRefusesWhatItShould(t *testing.T) {
	r := commonRunner(t)
	h := Handler(r, "secret")
	for name, c := range map[string]struct {
		method, path, token, body string
		status                    int
	}{
		"no token":      {"POST", "/v1/run", "", "{}", http.StatusUnauthorized},
		"no scheme":     {"POST", "/v1/probe", "secret", "{}", http.StatusUnauthorized},
		"wrong token":   {"POST", "/v1/probe", "Secret", "{}", http.StatusUnauthorized},
		"not JSON":      {"POST", "/v1/run", "secret", "x", http.StatusBadRequest},
		"unknown field": {"POST", "/v1/run", "secret", `{"shell":"sh"}`, http.StatusBadRequest},
		"not valid":     {"POST", "/v1/run", "secret", `{"code":"x"}`, http.StatusBadRequest},
		"wrong method":  {"GET", "/v1/run", "secret", "", http.StatusMethodNotAllowed},
		"elsewhere":     {"GET", "/etc", "secret", "", http.StatusNotFound},
		"health":        {"GET", "/healthz", "", "", http.StatusOK},
	} {
		q := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		if c.token != "" {
			q.Header.Set("Authorization", "Bearer "+c.token)
			if name == "no scheme" {
				q.Header.Set("Authorization", c.token)
			}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, q)
		if w.Code != c.status {
			t.Errorf("%s: status %d: %s", name, w.Code, w.Body)
		}
	}
}

// What counts is the limits in force, the configuration's where a job has none.
func TestReportTellsWhatCameCloseToALimit(t *testing.T) {
	l := Limits{CPU: time.Second, Memory: 100 << 20}
	for name, c := range map[string]struct {
		report Report
		limits Limits
		want   bool
	}{
		"far":          {Report{CPU: 100 * time.Millisecond, Wall: 200 * time.Millisecond, peak: 20 << 20}, l, false},
		"time":         {Report{CPU: 800 * time.Millisecond}, l, true},
		"clock":        {Report{Wall: 4 * time.Second}, l, true},
		"memory":       {Report{peak: 80 << 20}, l, true},
		"wider limits": {Report{CPU: 800 * time.Millisecond, peak: 80 << 20}, Limits{CPU: 2 * time.Second, Memory: 200 << 20}, false},
	} {
		if got := c.report.near(c.limits); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	job := Job{Code: square, Tests: []string{"assert f(3) == 9"}}
	for memory, want := range map[Bytes]bool{DefaultMemory: false, 16 << 20: true} { // an interpreter alone has more than 13 MB
		r := testRunner(t, Config{Parallel: 1, Languages: map[string]Language{"python": {Memory: memory}}})
		report, err := r.Run(t.Context(), job)
		if err != nil || report.Verdict == Passed && report.Close != want {
			t.Errorf("memory %s: %+v, %v", memory, report, err)
		}
	}
}

// A run that is given up ends at once, and leaves a healthy slot.
func TestRunHonoursItsContext(t *testing.T) {
	r := commonRunner(t)
	for name, job := range map[string]Job{
		"oracle":  {Code: "def f(x):\n    while True: pass\n", Tests: []string{"assert f(3) == 9"}},
		"pair":    {Code: "def f(x):\n    import time\n    time.sleep(99)\n", Tests: []string{"for x in (1, 2):\n    assert f(x) == 9"}},
		"tests":   {Code: square, Tests: []string{"while True:\n    f(1)\nassert 1 == f(1)"}},
		"stdio":   {Code: "import time\ntime.sleep(99)", Cases: []Case{{Stdout: "x"}}},
		"compile": {Language: "bash", Code: "sleep 99", Cases: []Case{{Stdout: "x"}}},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		start := time.Now()
		report, err := r.Run(ctx, job)
		cancel()
		if err == nil || report.Verdict != Unjudged {
			t.Errorf("%s: got %+v, %v", name, report, err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("%s: took %s", name, took)
		}
		healthy(t, r)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Run(cancelled, Job{Code: square, Tests: []string{"assert f(3) == 9"}}); err == nil {
		t.Error("a cancelled context was served")
	}
}

// A container that dies in a run is replaced, and the job judged after all.
func TestRunOutlivesALostContainer(t *testing.T) {
	t.Parallel()
	r := testRunner(t, Config{Parallel: 1})
	healthy(t, r)
	b := r.all[0].candidate.(*nsBox)
	b.control.conn.Close()
	healthy(t, r)
	if r.all[0].candidate == box(b) {
		t.Error("the lost container is still in use")
	}
}
