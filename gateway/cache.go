package gateway

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/search"
)

// CacheConfig keeps verified answers of a route.
type CacheConfig struct {
	// TTL is how long a verified answer is served again for an equal request with equal tests of the same team. 0 keeps none.
	TTL time.Duration `yaml:"ttl"`
	// Max is how many answers are kept, the last used ones. Default 1000.
	Max int `yaml:"max"`
}

// maxCacheBytes bounds the kept answers of a route, whatever their number.
const maxCacheBytes = 64 << 20

// Validate reports every fault of the cache with its path below it.
func (c CacheConfig) Validate(fault func(path, format string, args ...any)) {
	if c.TTL < 0 || c.TTL > 30*24*time.Hour {
		fault("ttl", "must be at most 30d, got %v", c.TTL)
	}
	if c.Max < 0 || c.Max > 1_000_000 {
		fault("max", "must be between 1 and 1000000, got %d", c.Max)
	}
	if c.Max > 0 && c.TTL == 0 {
		fault("ttl", "is missing; say how long an answer may be served again, such as 24h")
	}
}

// cacheKey names equal requests with equal tests of one owner to one route.
type cacheKey [sha256.Size]byte

// cacheKey is the key of a request whose answer may be kept. ok is false where
// the route keeps none, where nothing would be verified, and where the client
// chose the way itself.
func (g *Gateway) cacheKey(call Call, name string, route RouteConfig) (key cacheKey, ok bool) {
	t := call.Task
	if route.Cache.TTL == 0 || !t.Searchable || t.Spec.Route == search.RouteSearch {
		return key, false
	}
	q := whole(t.Request(call.Request))
	spec := t.Spec
	spec.Suite, spec.Budget, spec.OnFail, spec.Route = "", search.Budget{}, "", "" // what is wanted of a search makes no other answer right
	tests, err := json.Marshal(spec)
	if err != nil {
		return key, false
	}
	body := jsontext.Value(q.Object.Without("model").AppendJSON(nil))
	if body.Canonicalize() != nil {
		return key, false
	}
	h := sha256.New()
	for _, part := range [][]byte{[]byte(call.Key.Account().Owner()), []byte(name), tests, body} {
		sum := sha256.Sum256(part) // so that no part can end in the next one's words
		h.Write(sum[:])
	}
	return cacheKey(h.Sum(nil)), true
}

// kept is a verified answer.
type kept struct {
	key    cacheKey
	ids    []string // of the outcome that verified it, first, and of the last that it was served for
	until  time.Time
	answer Answer
	size   int
}

// cache keeps verified answers of one route, the last used ones. The zero value
// is empty.
type cache struct {
	mu     sync.Mutex
	byKey  map[cacheKey]*list.Element
	recent list.List // of *kept, the last used first
	size   int
}

// servedIDs bounds how many outcomes an answer remembers.
const servedIDs = 64

// get returns the answer that is kept under the key, for the request of this id.
func (c *cache) get(key cacheKey, id string, now time.Time) (*kept, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return nil, false
	}
	if k := e.Value.(*kept); now.Before(k.until) {
		c.recent.MoveToFront(e)
		if k.ids = append(k.ids, id); len(k.ids) > servedIDs {
			k.ids = slices.Delete(k.ids, 1, 2)
		}
		return k, true
	}
	c.drop(e)
	return nil, false
}

// put keeps an answer, in place of those that were used least.
func (c *cache) put(k *kept, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[k.key]; ok {
		c.drop(e)
	}
	if c.byKey == nil {
		c.byKey = map[cacheKey]*list.Element{}
	}
	c.byKey[k.key] = c.recent.PushFront(k)
	c.size += k.size
	for c.recent.Len() > most || c.size > maxCacheBytes {
		c.drop(c.recent.Back())
	}
}

// forget drops the answer that the request of this id was given: somebody found
// it wrong.
func (c *cache) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.recent.Front(); e != nil; {
		next := e.Next()
		if slices.Contains(e.Value.(*kept).ids, id) {
			c.drop(e)
		}
		e = next
	}
}

func (c *cache) drop(e *list.Element) {
	k := e.Value.(*kept)
	c.recent.Remove(e)
	delete(c.byKey, k.key)
	c.size -= k.size
}

// caches are those of all routes.
type caches struct {
	mu     sync.Mutex
	routes map[string]*cache
}

func (c *caches) of(route string) *cache {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.routes == nil {
		c.routes = map[string]*cache{}
	}
	if c.routes[route] == nil {
		c.routes[route] = new(cache)
	}
	return c.routes[route]
}

// forget drops the answer from whichever route has it.
func (c *caches) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range c.routes {
		of.forget(id)
	}
}

// keeping lets another answer, and keeps what was verified.
type keeping struct {
	Responder
	g     *Gateway
	key   cacheKey
	route RouteConfig
}

func (r keeping) Respond(ctx context.Context, call Call, d Decision) (Answer, error) {
	answer, err := r.Responder.Respond(ctx, call, d)
	if err != nil || answer.Reply == nil || answer.Report == nil || answer.Report.Verdict != sandbox.Passed {
		return answer, err
	}
	k := &kept{key: r.key, ids: []string{call.ID}, until: r.g.Now().Add(r.route.Cache.TTL)}
	k.answer = Answer{Way: "cache", Model: answer.Model, Reply: answer.Reply, Usage: answer.Usage, Header: http.Header{}, Report: answer.Report}
	k.size = answer.Reply.Size() + len(answer.Report.Output) + 4096
	most := r.route.Cache.Max
	if most == 0 {
		most = 1000
	}
	r.g.caches.of(d.Route).put(k, most)
	return answer, nil
}

// fit makes what answers fit.
func (r keeping) fit(call Call, d Decision, p purse) (Decision, error) {
	d.Responder = r.Responder
	d, err := r.Responder.(fitter).fit(call, d, p)
	r.Responder = d.Responder
	d.Responder = r
	return d, err
}

// cached answers with what was verified before, and spends nothing.
type cached struct{ kept *kept }

// fit has nothing to make smaller.
func (r cached) fit(_ Call, d Decision, _ purse) (Decision, error) { return d, nil }

func (r cached) Respond(_ context.Context, call Call, _ Decision) (Answer, error) {
	answer := r.kept.answer
	if call.Out == nil {
		return answer, nil
	}
	call.Out.Begin(answer.Model, answer.Header)
	for chunk := range inPieces(answer.Reply) {
		if err := call.Out.Chunk(chunk); err != nil {
			return answer, &openai.CallError{Failure: openai.Cancelled, Err: err}
		}
	}
	return answer, nil
}
