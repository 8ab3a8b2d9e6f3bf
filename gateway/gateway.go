package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/drover-llm/drover/gateway/search"
	"github.com/drover-llm/drover/gateway/upstream"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// Journal is where money is held and outcomes are kept; the ledger is one. Hold
// and Settle return when what they were given is durable.
type Journal interface {
	Hold(ctx context.Context, h policy.Hold) error
	Settle(ctx context.Context, o policy.Outcome) error
	Err() error // why nothing can be written at present, nil when it can
}

// Records keep what clients hand over for later: suites, and feedback on
// answers. The ledger does. Their errors are those of package policy.
type Records interface {
	AddSuite(ctx context.Context, s policy.Suite) (policy.Suite, error)
	Suite(who policy.Account, id string) (policy.Suite, error)
	DeleteSuite(ctx context.Context, who policy.Account, id string) error
	Feedback(ctx context.Context, f policy.Feedback) error
}

// Keys tells who a token belongs to. Its errors are those of package policy.
type Keys interface {
	Authenticate(token string) (policy.Key, error)
}

// Sandbox judges programs. *sandbox.Runner is one.
type Sandbox interface {
	search.Runner
	Down() string                       // why nothing can be judged at present, empty when it can
	Unsupported(language string) string // why nothing in this language can be, empty when it can
}

// Model is a model that requests can be sent to.
type Model struct {
	Client *upstream.Client
	// MaxOutput is the most completion tokens that the model gives in one
	// answer, 0 when that is not known.
	MaxOutput int64
	// SupportsN says that the model's host gives several choices for one call.
	SupportsN bool
	// Family tells the tokeniser, and what the model's hosts accept.
	Family pricing.Family
}

// Config is what a Gateway needs.
type Config struct {
	Models   map[string]Model       // by their names in YAML
	Routes   map[string]RouteConfig // as validated
	Prices   pricing.Table
	Keys     Keys
	Journal  Journal
	Records  Records                // nil: there are no suites, and feedback is not taken
	Limits   map[string]LimitConfig // of teams, and the default; as validated
	Book     *policy.Book           // money left, folded from the journal; nil: an empty one
	Budgets  *policy.Budgets        // as validated, and in force in Book; nil: none
	Learned  func() *policy.Model   // what was learned so far; nil: nothing yet, and what was published decides
	HTTP     HTTPConfig
	Observer Observer         // nil: nobody is told
	Sandbox  Sandbox          // nil: nothing is tested
	Log      *slog.Logger     // nil: nothing is logged
	Now      func() time.Time // nil: time.Now
	// Draw gives numbers from 0 to 1 by which requests are picked to explore and to
	// be audited; nil: random ones. With 1 none is.
	Draw    func() float64
	Started time.Time // reported as the age of models; zero: Now
}

// Gateway answers requests by one configuration, which never changes. It is safe
// for concurrent use.
type Gateway struct {
	Config
	*state
}

// state is what outlives a change of the configuration.
type state struct {
	memory   *semaphore.Weighted // bytes of request bodies
	replies  *semaphore.Weighted // bytes of whole replies from upstream
	counting *semaphore.Weighted // bytes of long texts whose tokens are being counted
	inflight *semaphore.Weighted // requests
	under    atomic.Int64        // requests that have a place
	draining atomic.Bool         // no new request is wanted
	flights  flights
	caches   caches
	audits   audits
	late     late // outcomes that the ledger did not take yet
	limiter  limiter
}

// maxInflight is how many requests are answered at one time.
const maxInflight = 4096

// nothingLearned is what is believed before anything was learned.
var nothingLearned = sync.OnceValue(func() *policy.Model { return policy.NewLearner().Model() })

// New returns a gateway.
func New(c Config) *Gateway {
	return newGateway(c, &state{
		memory: semaphore.NewWeighted(maxMemory), replies: semaphore.NewWeighted(maxReplies),
		counting: semaphore.NewWeighted(2 * exactCount), inflight: semaphore.NewWeighted(maxInflight),
	})
}

func newGateway(c Config, s *state) *Gateway {
	c.HTTP = c.HTTP.WithDefaults()
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Draw == nil {
		c.Draw = mathrand.Float64
	}
	if c.Started.IsZero() {
		c.Started = c.Now()
	}
	if c.Learned == nil {
		c.Learned = nothingLearned
	}
	if c.Book == nil {
		c.Book = policy.NewBook(nil)
	}
	return &Gateway{Config: c, state: s}
}

// names lists the routes, then the models, that a key may use.
func (g *Gateway) names(key policy.Key) []string {
	names := []string{}
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(g.Routes)), slices.Sorted(maps.Keys(g.Models))) {
		if g.allowed(key, name) {
			names = append(names, name)
		}
	}
	return names
}

// Knows reports whether there is such a route or model.
func (g *Gateway) Knows(name string) bool {
	_, route := g.Routes[name]
	_, model := g.Models[name]
	return route || model
}

// allowed reports whether the key, and its team, may use the route or model of
// this name.
func (g *Gateway) allowed(key policy.Key, name string) bool {
	return among(key.Models, name) && among(g.Budgets.Team(key.Team).Models, name)
}

// among reports whether a list names what is asked for; an empty one names all.
func among(names []string, name string) bool {
	return len(names) == 0 || slices.Contains(names, name)
}

// newID returns an id that nobody can guess: behind the prefix the time in
// milliseconds, then 80 random bits, both in base 32. Ids that grow with time
// keep the ledger's index compact.
func newID(prefix string, at time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(at.UnixMilli())<<16)
	_, _ = rand.Read(b[6:]) // never fails
	return string(idEncoding.AppendEncode(append(make([]byte, 0, 64), prefix...), b[:]))
}

var idEncoding = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)
