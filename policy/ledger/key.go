package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	json2 "github.com/go-json-experiment/json"

	"github.com/drover-llm/drover/policy"
)

// keyRecord is a key as it is journalled when created, and as its index holds it.
type keyRecord struct {
	Key  policy.Key `json:"key"`
	Hash []byte     `json:"hash"` // HMAC-SHA256 of the secret under the ledger's pepper
	By   string     `json:"by"`   // who created it
}

// keyRevoked is the journal's record of a revocation.
type keyRevoked struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
	By string    `json:"by"`
}

// errIDTaken refuses a key whose id was drawn before: once in 2^40.
var errIDTaken = errors.New("the id is taken")

// CreateKey makes a key of k's Name, Team, Models and Expires and returns it
// with its token, which is shown now or never: only a keyed hash is kept. by says
// who asked, for the journal.
func (l *Ledger) CreateKey(ctx context.Context, k policy.Key, by string) (token string, key policy.Key, err error) {
	now := l.o.Now().UTC()
	if err := checkNewKey(k, now); err != nil {
		return "", policy.Key{}, fmt.Errorf("creating key %q: %w", k.Name, err)
	}
	for range 3 {
		token, key, err = l.createKey(ctx, k, by, now)
		if !errors.Is(err, errIDTaken) {
			break
		}
	}
	if err != nil {
		return "", policy.Key{}, fmt.Errorf("creating key %q: %w", k.Name, err)
	}
	l.o.Log.Info("key created", "id", key.ID, "name", key.Name, "team", key.Team, "by", by)
	return token, key, nil
}

// checkNewKey makes one error of all that is wrong with k.
func checkNewKey(k policy.Key, now time.Time) error {
	var faults []error
	k.Validate(now, func(path, format string, args ...any) {
		faults = append(faults, fmt.Errorf(path+": "+format, args...))
	})
	return errors.Join(faults...)
}

func (l *Ledger) createKey(ctx context.Context, k policy.Key, by string, now time.Time) (string, policy.Key, error) {
	token, id, secret, err := newToken(l.o.Rand)
	if err != nil {
		return "", policy.Key{}, fmt.Errorf("drawing its secret: %w", err)
	}
	m := l.auth.macs.Get().(*mac)
	r := &keyRecord{
		Key: policy.Key{
			ID: id, Name: k.Name, Team: k.Team, Models: slices.Clone(k.Models),
			Created: now, Expires: k.Expires.UTC(),
		},
		Hash: slices.Clone(m.keyedHash(secret)),
		By:   by,
	}
	l.auth.macs.Put(m)
	record, err := newRecord(kindKeyCreated, r)
	if err != nil {
		return "", policy.Key{}, err
	}
	w := newWrite(func(t *tables) error {
		if t.keys.Get([]byte(id)) != nil {
			return errIDTaken
		}
		t.append(record)
		t.put(t.keys, []byte(id), record[headerSize:])
		return nil
	})
	w.folded = func() { l.auth.fold(r) }
	return token, r.Key, l.queue.do(ctx, w)
}

// RevokeKey closes the door to the key with this id and returns it. Revoking
// twice is allowed and changes nothing. policy.ErrUnknownKey: there is none.
func (l *Ledger) RevokeKey(ctx context.Context, id, by string) (policy.Key, error) {
	event := keyRevoked{ID: id, At: l.o.Now().UTC(), By: by}
	record, err := newRecord(kindKeyRevoked, event)
	if err != nil {
		return policy.Key{}, fmt.Errorf("revoking key %q: %w", id, err)
	}
	var (
		r     *keyRecord
		first bool
	)
	w := newWrite(func(t *tables) error {
		text := t.keys.Get([]byte(id))
		if text == nil {
			return policy.ErrUnknownKey
		}
		var err error
		if r, err = decodeKey(text); err != nil || !r.Key.Revoked.IsZero() {
			return err
		}
		first = true
		r.Key.Revoked = event.At
		if text, err = json.Marshal(r); err != nil {
			return err
		}
		t.append(record)
		t.put(t.keys, []byte(id), text)
		return nil
	})
	w.folded = func() { l.auth.fold(r) }
	if err := l.queue.do(ctx, w); err != nil {
		return policy.Key{}, fmt.Errorf("revoking key %q: %w", id, err)
	}
	if first {
		l.o.Log.Info("key revoked", "id", r.Key.ID, "name", r.Key.Name, "team", r.Key.Team, "by", by)
	}
	return r.Key, nil
}

// ListKeys returns all keys, revoked and expired ones too, oldest first.
func (l *Ledger) ListKeys() []policy.Key {
	records := *l.auth.keys.Load()
	keys := make([]policy.Key, 0, len(records))
	for _, r := range records {
		keys = append(keys, r.Key)
	}
	slices.SortFunc(keys, func(a, b policy.Key) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return keys
}

// Authenticate returns the key of token, from memory: policy.ErrUnknownKey,
// ErrRevokedKey or ErrExpiredKey otherwise. The key's Models are shared: read
// them only.
func (l *Ledger) Authenticate(token string) (policy.Key, error) {
	return l.auth.authenticate(token, l.o.Now)
}

func decodeKey(text []byte) (*keyRecord, error) {
	r := new(keyRecord)
	if err := json2.Unmarshal(text, r, decodeOptions); err != nil {
		return nil, fmt.Errorf("%w (%w)", errDamaged, err)
	}
	return r, nil
}
