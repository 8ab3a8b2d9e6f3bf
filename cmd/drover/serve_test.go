package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy/ledger"
)

// roleCLI makes a child of the test binary the drover command itself.
const roleCLI = "cli"

// droverCommand is `drover args…`, as a process of its own.
func droverCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), benchRole+"="+roleCLI, "GORACE=atexit_sleep_ms=0") // else each waits a second at its end
	return c
}

// served is a `drover serve` in a folder of its own.
type served struct {
	t       *testing.T
	command *exec.Cmd
	out     *bufio.Reader
	log     *spoken
	url     string
	dir     string
}

var listening = regexp.MustCompile(`msg="drover serves".* listen=(\S+)`)

// startServe runs `drover serve` with a configuration in dir and waits until it
// answers. More of the configuration follows after the listeners and the ledger.
func startServe(t *testing.T, dir, more string) *served {
	t.Helper()
	config := filepath.Join(dir, "drover.yaml")
	text := "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\nledger: {path: " + filepath.Join(dir, "drover.db") + "}\n" + more
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, dir: dir, log: new(spoken), command: droverCommand(t, "serve", "-c", config)}
	out, err := s.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.out = bufio.NewReader(out)
	log, err := s.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.command.Process.Kill(); _ = s.command.Wait() })
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			s.url = "http://" + m[1]
			go func() {
				for lines.Scan() {
					fmt.Fprintln(s.log, lines.Text())
				}
			}()
			return s
		}
		t.Log(lines.Text())
	}
	t.Fatal("drover serve ended before it served")
	return nil
}

// says waits until the server has logged what matches.
func (s *served) says(pattern string) {
	s.t.Helper()
	match := regexp.MustCompile(pattern)
	until(s.t, "a line of the log like "+pattern, func() bool { return match.MatchString(s.log.String()) })
}

// shown reads the secrets that a first start prints.
func (s *served) shown() (key, token string) {
	s.t.Helper()
	for range 2 {
		line, err := s.out.ReadString('\n')
		if err != nil {
			s.t.Fatal(err)
		}
		secret := line[strings.LastIndex(line, " ")+1 : len(line)-1]
		if strings.HasPrefix(line, "API key") {
			key = secret
		} else {
			token = secret
		}
	}
	return key, token
}

func simulated(t *testing.T, c standin.Config) *standin.Server {
	t.Helper()
	s := standin.New(c)
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// overStandin is the configuration of a gateway that answers directly. Its sandbox is
// elsewhere and away, as nothing is tested: to try one at each start takes longer than
// the start.
func overStandin(s *standin.Server) string {
	return "sandbox: {engine: remote, remote: {urls: [\"http://127.0.0.1:1\"], token: none}}\n" +
		"providers: {standin: {base_url: \"" + s.URL() + "\"}}\n" +
		"models: {gpt-4o: {provider: standin, price: {prompt_per_1m: \"2.5\", completion_per_1m: \"10\"}}}\nroutes: {auto: {direct: gpt-4o}}\n"
}

// ask sends one request and returns the id of its answer, once the whole answer
// is there.
func ask(ctx context.Context, url, key string, stream bool) (id string, err error) {
	body := fmt.Sprintf(`{"model":"auto","stream":%v,"messages":[{"role":"user","content":"hi"}]}`, stream)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if stream {
		first, _, _ := strings.Cut(strings.TrimPrefix(string(text), "data: "), "\n")
		if !strings.HasSuffix(string(text), "[DONE]\n\n") {
			return "", fmt.Errorf("no whole answer: %.200s", text)
		}
		text = []byte(first)
	}
	var reply struct{ ID string }
	if err := json.Unmarshal(text, &reply); err != nil || reply.ID == "" {
		return "", fmt.Errorf("status %d: %.200s", resp.StatusCode, text)
	}
	return reply.ID, nil
}

// Killed at any instant under load, the ledger opens again, and every request
// that was answered is in it once.
func TestKilledServerLosesNoAnswer(t *testing.T) {
	t.Parallel()
	models := simulated(t, standin.Config{})
	dir := t.TempDir()
	key := ""
	answered := map[string]bool{}
	rounds := 2
	if *longAttack {
		rounds = 12
	}
	for round := range rounds {
		s := startServe(t, dir, overStandin(models))
		if round == 0 {
			key, _ = s.shown()
		}
		ctx, stop := context.WithCancel(t.Context())
		var mu sync.Mutex
		var clients sync.WaitGroup
		enough := make(chan struct{}) // closed when the round has shown something
		ids := 0
		for i := range 8 {
			clients.Go(func() {
				for ctx.Err() == nil {
					id, err := ask(ctx, s.url, key, i%2 == 0)
					if err != nil {
						return // the server was killed
					}
					mu.Lock()
					answered[id] = true
					if ids++; ids == 10 {
						close(enough)
					}
					mu.Unlock()
				}
			})
		}
		select {
		case <-enough:
		case <-time.After(time.Minute):
			t.Errorf("round %d: the server does not answer", round)
		}
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond) // killed at any instant
		if err := s.command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = s.command.Wait()
		stop()
		clients.Wait()
		http.DefaultClient.CloseIdleConnections()

		l, err := ledger.Open(filepath.Join(dir, "drover.db"), ledger.Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if audit, err := l.Verify(t.Context(), nil); err != nil || audit.Faulty > 0 {
			t.Fatalf("round %d: verify: %v %q", round, err, audit.Faults)
		}
		times := map[string]int{}
		for entry, err := range l.Outcomes(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			times[entry.Outcome.ID]++
		}
		for id, n := range times {
			if n != 1 {
				t.Errorf("round %d: %s is there %d times", round, id, n)
			}
		}
		for id := range answered {
			if times[id] == 0 {
				t.Errorf("round %d: %s was answered and is not in the ledger", round, id)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d answers over %d kills", len(answered), rounds)
}

// A signal to stop lets a stream finish, takes no new request, and ends with
// status 0.
func TestSignalLetsStreamsFinish(t *testing.T) {
	models := simulated(t, standin.Config{Default: standin.Script{PerChunk: 50 * time.Millisecond, Answers: []standin.Answer{{Text: strings.Repeat("word ", 20)}}}})
	s := startServe(t, t.TempDir(), overStandin(models))
	key, token := s.shown()
	if !strings.HasPrefix(key, "drv-") || token == "" {
		t.Fatalf("shown %q and %q", key, token)
	}
	whole := make(chan error, 1)
	go func() { _, err := ask(context.Background(), s.url, key, true); whole <- err }()
	for models.Calls("gpt-4o") == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-whole; err != nil {
		t.Errorf("the stream under way: %v", err)
	}
	if err := s.command.Wait(); err != nil {
		t.Errorf("drover serve: %v", err)
	}
	if _, err := ask(context.Background(), s.url, key, false); err == nil {
		t.Error("a stopped server answers")
	}
}

// A client that does not read is cut off when the patience is over, and what it
// was sent is journalled.
func TestSignalDoesNotWaitForAClientThatDoesNotRead(t *testing.T) {
	models := simulated(t, standin.Config{Default: standin.Script{Faults: []standin.Fault{standin.Huge}, Chunks: 2000}})
	s := startServe(t, t.TempDir(), "drain: 200ms\n"+overStandin(models))
	key, _ := s.shown()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body := `{"model":"auto","stream":true,"messages":[{"role":"user","content":"hi"}]}`
	if _, err := fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", key, len(body), body); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 100)); err != nil { // the answer has begun
		t.Fatal(err)
	}
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.command.Wait(); err != nil {
		t.Errorf("drover serve: %v", err)
	}
	journal, err := ledger.Open(filepath.Join(s.dir, "drover.db"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	holds, err := journal.OpenHolds()
	if err != nil || len(holds) > 0 || journal.Len() != 1 {
		t.Errorf("%d outcomes, open holds %v, %v", journal.Len(), holds, err)
	}
	for entry, err := range journal.Outcomes(t.Context(), 0) {
		if err != nil || entry.Outcome.Cost == nil || *entry.Outcome.Cost == 0 || entry.Outcome.Status == http.StatusOK {
			t.Errorf("%+v, %v", entry.Outcome, err)
		}
	}
}

// A second server on the same ledger says whose it is; a second start makes no
// second key.
func TestSecondServerIsRefused(t *testing.T) {
	t.Parallel()
	models := simulated(t, standin.Config{})
	s := startServe(t, t.TempDir(), overStandin(models))
	s.shown()
	text, err := droverCommand(t, "serve", "-c", filepath.Join(s.dir, "drover.yaml")).CombinedOutput()
	if err == nil || !strings.Contains(string(text), "drover.db") || strings.Contains(string(text), "API key") {
		t.Errorf("a second server: %v\n%s", err, text)
	}
}
