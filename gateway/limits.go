package gateway

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/policy"
)

// LimitConfig bounds how much is asked at a time. A team's counts all of its keys
// together; the one named default counts each key of everyone else by itself.
type LimitConfig struct {
	// RequestsPerMinute is the most requests in any 60 seconds. Default: no limit.
	RequestsPerMinute int64 `yaml:"requests_per_minute"`
	// TokensPerMinute is the most tokens in any 60 seconds, prompts and answers and all samples of a search. Until a request has ended it counts as what it is expected to take. Default: no limit.
	TokensPerMinute int64 `yaml:"tokens_per_minute"`
	// Parallel is the most requests under way at one time. Default: no limit.
	Parallel int `yaml:"parallel"`
	// Queue is how long a request that is over a limit waits for its turn before it is refused, at most 1m. Default: it does not wait.
	Queue time.Duration `yaml:"queue"`
}

// defaultLimits is the name of the limits of whoever has none of their own.
const defaultLimits = "default"

// ValidateLimits reports every fault of the section limits with its YAML path.
func ValidateLimits(limits map[string]LimitConfig, teams []string, fault func(path, format string, args ...any)) {
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		at, c := "limits."+name, limits[name]
		if name != defaultLimits && !slices.Contains(teams, name) {
			fault(at, "must be default or the name of a team; %s", oneOf("teams", teams))
		}
		for path, n := range map[string]int64{"requests_per_minute": c.RequestsPerMinute, "tokens_per_minute": c.TokensPerMinute, "parallel": int64(c.Parallel)} {
			if n < 0 {
				fault(at+"."+path, "must be positive, got %d", n)
			}
		}
		if c.Queue < 0 || c.Queue > time.Minute {
			fault(at+".queue", "must be at most 1m, got %v", c.Queue)
		}
		if c.RequestsPerMinute == 0 && c.TokensPerMinute == 0 && c.Parallel == 0 {
			fault(at, "limits nothing; state requests_per_minute, tokens_per_minute or parallel")
		}
	}
}

// limitsOf are the limits that a key is under, and whose count they go by; ok is
// false where there are none.
func (g *Gateway) limitsOf(key policy.Key) (c LimitConfig, who string, ok bool) {
	if c, ok = g.Limits[key.Team]; ok && key.Team != "" && key.Team != defaultLimits {
		return c, "team " + key.Team, true
	}
	if c, ok = g.Limits[defaultLimits]; !ok {
		return c, "", false
	}
	return c, "key " + key.ID, true
}

// limiter counts what the keys and teams ask.
type limiter struct {
	mu       sync.Mutex
	counters map[string]*counter
}

// counter is what one key or team asks.
type counter struct {
	requests, tokens minute
	running          int
	freed            chan struct{} // closed when something was given back; nil while nobody waits
}

// idleCounters is how many counters there may be before those that count nothing
// are dropped.
const idleCounters = 4096

func (l *limiter) counter(who string, now time.Time) *counter {
	c, ok := l.counters[who]
	if ok {
		return c
	}
	if l.counters == nil {
		l.counters = map[string]*counter{}
	}
	if len(l.counters) >= idleCounters {
		maps.DeleteFunc(l.counters, func(_ string, c *counter) bool {
			return c.running == 0 && c.freed == nil && c.requests.used(now) == 0 && c.tokens.used(now) == 0
		})
	}
	c = new(counter)
	l.counters[who] = c
	return c
}

// pass is a request that was let in.
type pass struct {
	l        *limiter
	c        *counter
	limits   LimitConfig
	now      func() time.Time
	slot     int64 // in which the request arrived
	reserved int64 // tokens
	answered bool  // spent will tell the tokens
}

// errOver says that a limit is reached.
type errOver struct {
	kind            string // requests or tokens
	what            string // in words
	limit, used, of int64  // of is what was asked for
	wait            time.Duration
}

func (e *errOver) Error() string {
	return fmt.Sprintf("%s: limit %d, used %d, requested %d", e.what, e.limit, e.used, e.of)
}

// enter admits a request that is expected to use this many tokens, or waits for its
// turn as long as its limits say. The pass is nil where there are no limits.
func (g *Gateway) enter(ctx context.Context, key policy.Key, tokens int64) (*pass, error) {
	limits, who, ok := g.limitsOf(key)
	if !ok {
		return nil, nil
	}
	if most := limits.TokensPerMinute; most > 0 && tokens > most {
		return g.view(limits, who), tooManyTokens(most, tokens)
	}
	deadline := g.Now().Add(limits.Queue)
	for {
		p, over, freed := g.limiter.try(limits, who, tokens, g.Now)
		if over == nil {
			return p, nil
		}
		left := deadline.Sub(g.Now())
		if left <= 0 || over.wait > left && over.kind == "requests" { // tokens and places may be given back earlier
			return g.view(limits, who), overLimit(over)
		}
		wait := left
		if over.wait > 0 {
			wait = min(wait, over.wait)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-freed:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return nil, &openai.CallError{Failure: openai.Cancelled, Err: ctx.Err()}
		}
	}
}

// admitted is enter for a request whose reply tells the limits, whatever it is.
func (g *Gateway) admitted(c echo.Context, key policy.Key, tokens int64) (*pass, error) {
	p, err := g.enter(c.Request().Context(), key, tokens)
	if p != nil {
		c.Response().Before(func() { p.writeHeaders(c.Response().Header()) })
	}
	return p, err
}

// tellRoom puts into the reply's header what the tightest of its budgets has left
// then.
func (g *Gateway) tellRoom(c echo.Context, shares []policy.Share) {
	if len(shares) == 0 {
		return
	}
	c.Response().Before(func() {
		if room := g.Book.Room(shares, g.Now()); room.LeftIn != "" {
			set(c.Response().Header(), headerRemaining, room.Left.String())
		}
	})
}

// view is a pass that lets nobody in, for the headers of a refusal.
func (g *Gateway) view(limits LimitConfig, who string) *pass {
	g.limiter.mu.Lock()
	defer g.limiter.mu.Unlock()
	return &pass{l: &g.limiter, c: g.limiter.counter(who, g.Now()), limits: limits, now: g.Now, slot: -1}
}

// try lets a request in, or says what is in its way, and when that may change.
func (l *limiter) try(limits LimitConfig, who string, tokens int64, now func() time.Time) (*pass, *errOver, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := now()
	c := l.counter(who, at)
	var over *errOver
	switch used, spent := c.requests.used(at), c.tokens.used(at); {
	case limits.Parallel > 0 && c.running >= limits.Parallel:
		over = &errOver{kind: "parallel", what: "requests under way at one time", limit: int64(limits.Parallel), used: int64(c.running), of: 1}
	case limits.RequestsPerMinute > 0 && used >= limits.RequestsPerMinute:
		over = &errOver{kind: "requests", what: "requests per minute", limit: limits.RequestsPerMinute, used: used, of: 1, wait: c.requests.wait(at, used-limits.RequestsPerMinute+1)}
	case limits.TokensPerMinute > 0 && spent+tokens > limits.TokensPerMinute:
		over = &errOver{kind: "tokens", what: "tokens per minute", limit: limits.TokensPerMinute, used: spent, of: tokens, wait: c.tokens.wait(at, spent+tokens-limits.TokensPerMinute)}
	default:
		slot := c.requests.add(at, 1)
		c.tokens.add(at, tokens)
		c.running++
		return &pass{l: l, c: c, limits: limits, now: now, slot: slot, reserved: tokens}, nil, nil
	}
	if c.freed == nil {
		c.freed = make(chan struct{})
	}
	return nil, over, c.freed
}

// spent puts what a request took in place of what it was expected to take.
func (p *pass) spent(tokens int64) {
	if p == nil || p.slot < 0 {
		return
	}
	p.l.mu.Lock()
	defer p.l.mu.Unlock()
	p.c.tokens.correct(p.slot, tokens-p.reserved)
	p.reserved, p.answered = tokens, true
	p.c.wake()
}

// answers says that spent will be called.
func (p *pass) answers() {
	if p != nil {
		p.l.mu.Lock()
		p.answered = true
		p.l.mu.Unlock()
	}
}

// leave ends the request.
func (p *pass) leave() {
	if p == nil || p.slot < 0 {
		return
	}
	p.l.mu.Lock()
	defer p.l.mu.Unlock()
	p.c.running--
	if !p.answered { // refused, or answered by another request's search
		p.c.tokens.correct(p.slot, -p.reserved)
	}
	p.c.wake()
}

// wake lets whoever waits try again.
func (c *counter) wake() {
	if c.freed != nil {
		close(c.freed)
		c.freed = nil
	}
}

// writeHeaders tells the limits and what is left of them. The provider's own,
// which say nothing to whoever has limits here, are taken out.
func (p *pass) writeHeaders(h http.Header) {
	if p == nil {
		return
	}
	for name := range h {
		if strings.HasPrefix(name, rateLimitPrefix) {
			delete(h, name)
		}
	}
	p.l.mu.Lock()
	defer p.l.mu.Unlock()
	now := p.now()
	for _, one := range [...]struct {
		name  string
		limit int64
		count *minute
	}{{"Requests", p.limits.RequestsPerMinute, &p.c.requests}, {"Tokens", p.limits.TokensPerMinute, &p.c.tokens}} {
		if one.limit == 0 {
			continue
		}
		set(h, rateLimitPrefix+"Limit-"+one.name, strconv.FormatInt(one.limit, 10))
		set(h, rateLimitPrefix+"Remaining-"+one.name, strconv.FormatInt(max(one.limit-one.count.used(now), 0), 10))
		set(h, rateLimitPrefix+"Reset-"+one.name, one.count.reset(now).Round(time.Millisecond).String())
	}
}

// expectedTokens is what a request is counted as until it has ended: a token has
// about four bytes, and an answer is as long as it may be, or else typical.
func expectedTokens(q *openai.ChatRequest) int64 {
	answer := q.MaxTokens
	if answer == 0 {
		answer = typicalTokens
	}
	return int64(q.Size()-q.FindMedia().Inline+3)/4 + answer*int64(q.N)
}
