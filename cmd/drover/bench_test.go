package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
	"github.com/drover-llm/drover/pricing"
)

// The benchmark compares Drover, with its keys, prices and journal, with Go's
// bare reverse proxy. Each runs in a process of its own, so that what is
// measured is its work alone; the models' host and the clients are here.

const (
	benchRole    = "DROVER_BENCH_ROLE"    // "proxy" or "drover" in a child
	benchHost    = "DROVER_BENCH_HOST"    // base URL of the models' host
	benchProfile = "DROVER_BENCH_PROFILE" // where a child writes profiles of its CPU and allocations: the beginning of a path
	benchClients = 16
	benchChunks  = 100
)

func TestMain(m *testing.M) {
	sandbox.Init()
	if os.Getenv(benchRole) == roleCLI {
		stepClock(os.Getenv(attackClock))
		main()
	}
	if role := os.Getenv(benchRole); role != "" {
		if err := benchChild(role, os.Getenv(benchHost)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("5"); err != nil { // they mostly wait for processes
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// work is what a process has used so far.
type work struct {
	CPU    time.Duration // user and system
	Allocs uint64
	Bytes  uint64
}

func (w work) sub(v work) work { return work{w.CPU - v.CPU, w.Allocs - v.Allocs, w.Bytes - v.Bytes} }
func (w work) add(v work) work { return work{w.CPU + v.CPU, w.Allocs + v.Allocs, w.Bytes + v.Bytes} }

// benchChild serves in one role until its standard input ends, and tells what
// it has used at /work.
func benchChild(role, host string) error {
	if path := os.Getenv(benchProfile); path != "" {
		file, err := os.Create(path + role)
		if err != nil {
			return err
		}
		_ = pprof.StartCPUProfile(file)
		defer func() {
			pprof.StopCPUProfile()
			if file, err := os.Create(path + role + "-allocs"); err == nil {
				runtime.GC() // or the profile ends with the last collection
				_ = pprof.Lookup("allocs").WriteTo(file, 0)
			}
		}()
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	token := ""
	served := make(chan error, 1)
	switch role {
	case "proxy":
		target, err := url.Parse(host)
		if err != nil {
			return err
		}
		proxy := &httputil.ReverseProxy{
			Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
			FlushInterval: -1,
			Transport:     &http.Transport{MaxIdleConnsPerHost: 128, DisableCompression: true},
		}
		go func() { served <- (&http.Server{Handler: proxy}).Serve(listener) }()
	case "drover":
		tuneGC()
		dir, err := os.MkdirTemp("", "drover-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		c, err := configs.Parse("bench.yaml", []byte("providers: {h: {base_url: \""+host+"/v1\", api_key: k}}\nmodels: {m: {provider: h, price: {prompt_per_1m: \"2.5\", completion_per_1m: \"10\"}}}\n"), os.LookupEnv)
		if err != nil {
			return err
		}
		log := slog.New(slog.DiscardHandler)
		journal, err := ledger.Open(filepath.Join(dir, "drover.db"), ledger.Options{Log: log})
		if err != nil {
			return err
		}
		defer journal.Close()
		if token, _, err = journal.CreateKey(ctx, policy.Key{Name: "bench"}, "bench"); err != nil {
			return err
		}
		force, err := putInForce(c, nil, journal, nil, nil, log)
		if err != nil {
			return err
		}
		if err := pricing.Warm(pricing.GPT4o, pricing.GPT4); err != nil { // work that belongs to no request
			return err
		}
		go func() { served <- serve(ctx, force.gateway, listener, nil, time.Second, log) }()
	}
	stats, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go http.Serve(stats, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var usage syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		_ = json.NewEncoder(w).Encode(work{time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), memory.Mallocs, memory.TotalAlloc})
	}))
	fmt.Println(listener.Addr(), stats.Addr(), token)
	_, _ = io.Copy(io.Discard, os.Stdin)
	stop()
	if role == "drover" {
		return <-served
	}
	return nil
}

// subject is a child under measurement.
type subject struct {
	url, stats, token string
	http              *http.Client
}

func startSubject(b *testing.B, role, host string) *subject {
	b.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), benchRole+"="+role, benchHost+"="+host)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(line + " none")
	s := &subject{url: "http://" + fields[0], stats: "http://" + fields[1], token: fields[2],
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchClients, DisableCompression: true}}}
	b.Cleanup(func() {
		s.http.CloseIdleConnections()
		in.Close()
		if err := command.Wait(); err != nil {
			b.Error(err)
		}
	})
	return s
}

func (s *subject) work(b *testing.B) (w work) {
	b.Helper()
	resp, err := http.Get(s.stats)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&w); err != nil {
		b.Fatal(err)
	}
	return w
}

// load sends n requests from as many clients as given and returns how long each
// took, sorted.
func (s *subject) load(b *testing.B, n, clients int, body string) []time.Duration {
	b.Helper()
	took := make([]time.Duration, n)
	next := make(chan int)
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for i := range next {
				start := time.Now()
				r, err := http.NewRequest(http.MethodPost, s.url+"/v1/chat/completions", strings.NewReader(body))
				if err != nil {
					b.Error(err)
					continue
				}
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Authorization", "Bearer "+s.token)
				resp, err := s.http.Do(r)
				if err != nil {
					b.Error(err)
					continue
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil && s.token == "none" {
					continue // the bare proxy breaks a few streams in a thousand: it may read the request after the reply began
				}
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Errorf("%s: status %d, %v after %v: …%s", s.token, resp.StatusCode, err, time.Since(start), text[max(0, len(text)-300):])
				}
				took[i] = time.Since(start)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
	slices.Sort(took)
	return took
}

// modelsHost answers with a reply of 2 KB or a stream of 100 chunks, which come
// one by one as a model's do.
func modelsHost() *httptest.Server {
	whole := []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		strings.Repeat("word ", 340) + `","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":340,"total_tokens":360}}`)
	chunk := func(delta, finish, usage string) []byte {
		return []byte(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","system_fingerprint":"fp_1","choices":[{"index":0,"delta":` + delta + `,"logprobs":null,"finish_reason":` + finish + `}],"usage":` + usage + "}\n\n")
	}
	first, middle, last := chunk(`{"role":"assistant","content":"","refusal":null}`, "null", "null"), chunk(`{"content":" word"}`, "null", "null"), chunk(`{}`, `"stop"`, "null")
	usage := []byte(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":98,"total_tokens":118}}` + "\n\ndata: [DONE]\n\n")
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "application/json")
			w.Write(whole)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		flush := w.(http.Flusher).Flush
		w.Write(first)
		flush()
		for range benchChunks - 3 {
			time.Sleep(2 * time.Millisecond)
			w.Write(middle)
			flush()
		}
		w.Write(last)
		w.Write(usage)
	}))
}

// BenchmarkAgainstReverseProxy prints Drover's CPU, allocations and latency for
// a request as multiples of, or beside, the bare proxy's. Run it with
// -benchtime 3x or so: one iteration is a round of both, in turns.
func BenchmarkAgainstReverseProxy(b *testing.B) {
	host := modelsHost()
	defer host.Close()
	prompt := strings.Repeat("Write a function that adds two numbers. ", 20)
	for _, c := range []struct {
		name, body        string
		requests, clients int
		alone             int // requests of one client alone
		per               float64
	}{
		{"whole-2KB", `{"model":"m","messages":[{"role":"user","content":"` + prompt + `"}]}`, 4000, benchClients, 200, 1},
		{"stream-100-chunks", `{"model":"m","stream":true,"messages":[{"role":"user","content":"` + prompt + `"}]}`, 96, benchClients, 8, benchChunks},
	} {
		b.Run(c.name, func(b *testing.B) {
			proxy, drover := startSubject(b, "proxy", host.URL), startSubject(b, "drover", host.URL)
			for _, s := range []*subject{proxy, drover} { // warm: connections
				s.load(b, c.clients*4, c.clients, c.body)
			}
			var used [2]work
			var took, alone [2][]time.Duration
			rounds := 0
			for b.Loop() {
				rounds++
				for i, s := range []*subject{proxy, drover} {
					before := s.work(b)
					took[i] = append(took[i], s.load(b, c.requests, c.clients, c.body)...)
					used[i] = used[i].add(s.work(b).sub(before))
					alone[i] = append(alone[i], s.load(b, c.alone, 1, c.body)...)
				}
			}
			requests := float64(rounds * c.requests)
			unit := "/request"
			if c.per > 1 {
				unit = "/chunk"
			}
			median := func(d []time.Duration) float64 { slices.Sort(d); return float64(d[len(d)/2]) / 1e3 }
			cpu := func(w work) float64 { return float64(w.CPU) / 1e3 / requests / c.per }
			b.ReportMetric(cpu(used[0]), "proxy-cpu-µs"+unit)
			b.ReportMetric(cpu(used[1]), "drover-cpu-µs"+unit)
			b.ReportMetric(cpu(used[1])/cpu(used[0]), "x-cpu")
			b.ReportMetric(float64(used[0].Allocs)/requests/c.per, "proxy-allocs"+unit)
			b.ReportMetric(float64(used[1].Allocs)/requests/c.per, "drover-allocs"+unit)
			b.ReportMetric(float64(used[1].Allocs)/float64(used[0].Allocs), "x-allocs")
			b.ReportMetric(median(alone[1])-median(alone[0]), "added-µs-one-client")
			b.ReportMetric(median(took[1])-median(took[0]), fmt.Sprintf("added-µs-%d-clients", c.clients))
		})
	}
}
