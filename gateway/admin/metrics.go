package admin

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/drover-llm/drover/policy"
)

// Gauges are what is true now. Each is asked when somebody reads the metrics.
type Gauges struct {
	Inflight func() int64
	Queue    func() int                  // jobs that wait for the sandbox
	Breakers func() map[string]bool      // by model: is it left alone?
	Budgets  func() []policy.BudgetState // those with a limit are shown
}

// Metrics counts what becomes of requests, and shows it to Prometheus. Labels are
// names of the configuration, teams and statuses, never what a client sent.
type Metrics struct {
	http.Handler
	requests, cost, tokens, samples *prometheus.CounterVec
	upstream                        *prometheus.HistogramVec
	verify, decision, overhead      prometheus.Histogram
	saved                           prometheus.Gauge
}

// NewMetrics makes metrics with gauges.
func NewMetrics(g Gauges) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	seconds := []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}
	quick := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}
	m := &Metrics{
		decision: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "drover_decision_seconds", Help: "Time to decide how a request is answered.", Buckets: quick}),
		overhead: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "drover_overhead_seconds", Help: "Time of requests that were not searched that no call to a model took: deciding, journalling, testing the answer.", Buckets: quick}),
		requests: counter("drover_requests_total", "Requests by route, answering model and HTTP status.", "route", "model", "status"),
		cost:     counter("drover_cost_usd_total", "Dollars spent, as far as prices are known.", "model", "team"),
		tokens:   counter("drover_tokens_total", "Tokens bought; the kinds do not overlap.", "model", "kind"),
		samples:  counter("drover_samples_total", "Samples of searches by verdict.", "model", "verdict"),
		upstream: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "drover_upstream_seconds", Help: "Time of calls to models.", Buckets: seconds}, []string{"model"}),
		verify:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "drover_verify_seconds", Help: "Time from a sample to its verdict.", Buckets: seconds}),
		saved:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "drover_saved_usd_total", Help: "Dollars saved against the route's first model since the start. A gauge in spite of its name: it falls when an answer costs more than that model's would have, so take delta() of it and not rate()."}),
	}
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, m.cost, m.tokens, m.samples, m.upstream, m.verify, m.decision, m.overhead, m.saved, now{g})
	m.Handler = promhttp.HandlerFor(r, promhttp.HandlerOpts{})
	return m
}

// Answered counts a request that has an outcome.
func (m *Metrics) Answered(o policy.Outcome) {
	m.requests.WithLabelValues(o.Route, o.Model, strconv.Itoa(o.Status)).Inc()
	if saved := o.Saved(); saved != nil {
		m.saved.Add(saved.Float64())
	}
	for _, c := range o.Calls {
		m.upstream.WithLabelValues(c.Model).Observe(c.Took.Seconds())
		m.tokens.WithLabelValues(c.Model, "prompt").Add(float64(c.Usage.Prompt - c.Usage.CachedPrompt))
		m.tokens.WithLabelValues(c.Model, "cached_prompt").Add(float64(c.Usage.CachedPrompt))
		m.tokens.WithLabelValues(c.Model, "completion").Add(float64(c.Usage.Completion))
		if c.Cost != nil {
			m.cost.WithLabelValues(c.Model, o.Account.Team).Add(c.Cost.Float64())
		}
	}
	for _, s := range o.Samples {
		verdict := s.Verdict
		if verdict == "" {
			verdict = "late"
		} else {
			m.verify.Observe(s.Judged.Seconds())
		}
		m.samples.WithLabelValues(s.Model, verdict).Inc()
	}
}

// Refused counts a request that was turned away.
func (m *Metrics) Refused(status int) {
	m.requests.WithLabelValues("", "", strconv.Itoa(status)).Inc()
}

// Decided takes how long a decision took.
func (m *Metrics) Decided(took time.Duration) { m.decision.Observe(took.Seconds()) }

// Overhead takes what a request took beside its calls to models.
func (m *Metrics) Overhead(d time.Duration) { m.overhead.Observe(d.Seconds()) }

// now collects the gauges.
type now struct{ Gauges }

var (
	inflightDesc = prometheus.NewDesc("drover_inflight", "Requests being answered.", nil, nil)
	queueDesc    = prometheus.NewDesc("drover_sandbox_queue", "Jobs that wait for the sandbox.", nil, nil)
	breakerDesc  = prometheus.NewDesc("drover_breaker_state", "1 while a model is left alone because it failed, else 0.", []string{"model"}, nil)
	budgetDesc   = prometheus.NewDesc("drover_budget_left_usd", "Dollars left in a budget's window.", []string{"budget"}, nil)
	softDesc     = prometheus.NewDesc("drover_budget_soft_reached", "1 when a budget's soft share is spent in its window, else 0; of budgets that have one.", []string{"budget"}, nil)
)

func (n now) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{inflightDesc, queueDesc, breakerDesc, budgetDesc, softDesc} {
		c <- d
	}
}

func (n now) Collect(c chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(inflightDesc, float64(n.Inflight()))
	gauge(queueDesc, float64(n.Queue()))
	for model, open := range n.Breakers() {
		state := 0.0
		if open {
			state = 1
		}
		gauge(breakerDesc, state, model)
	}
	for _, b := range n.Budgets() {
		if b.Limit > 0 {
			gauge(budgetDesc, b.Left.Float64(), b.Name)
		}
		if b.Soft > 0 {
			reached := 0.0
			if b.Spent >= b.Soft {
				reached = 1
			}
			gauge(softDesc, reached, b.Name)
		}
	}
}
