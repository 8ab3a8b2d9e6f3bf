package ledger

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-llm/drover/policy"
)

// keyRecord is a key as it is journalled when created or changed, and as its
// index holds it.
type keyRecord struct {
	Key    policy.Key `json:"key"`
	Hash   []byte     `json:"hash"`             // HMAC-SHA256 of the secret under the ledger's pepper
	Former []byte     `json:"former,omitempty"` // of the secret before, which opens the door until Key.Overlap
	By     string     `json:"by"`               // who created it, or made the change
	At     time.Time  `json:"at,omitzero"`      // of the change; zero for a creation, which was at Key.Created
	Action string     `json:"action,omitempty"` // key.rotate or key.change; empty for a creation
}

// keyRevoked is the journal's record of a revocation.
type keyRevoked struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
	By string    `json:"by"`
}

// errIDTaken refuses a key whose id was drawn before: once in 2^40.
var errIDTaken = errors.New("the id is taken")

// CreateKey makes a key of k's Name, Team, Models, Budgets, Tags and Expires and
// returns it with its token, which is shown now or never: only a keyed hash is kept. by says
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
	r := &keyRecord{
		Key: policy.Key{
			ID: id, Name: k.Name, Team: k.Team, Models: slices.Clone(k.Models),
			Budgets: slices.Clone(k.Budgets), Tags: maps.Clone(k.Tags),
			Created: now, Expires: k.Expires.UTC(),
		},
		Hash: l.auth.hashOf(secret),
		By:   by,
	}
	record, err := newRecord(kindKeyCreated, r)
	if err != nil {
		return "", policy.Key{}, err
	}
	w := newWrite(func(t *tables) error {
		if t.tx.Bucket(bucketKeys).Get([]byte(id)) != nil {
			return errIDTaken
		}
		t.appendChange(record)
		return t.putKey(r)
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
	first := false
	key, err := l.alterKey(ctx, id, func(t *tables, r *keyRecord) error {
		if first = r.Key.Revoked.IsZero(); first {
			r.Key.Revoked = event.At
			t.appendChange(record)
		}
		return nil
	})
	if err != nil {
		return policy.Key{}, fmt.Errorf("revoking key %q: %w", id, err)
	}
	if first {
		l.o.Log.Info("key revoked", "id", key.ID, "name", key.Name, "team", key.Team, "by", by)
	}
	return key, nil
}

// RotateKey gives the key a new secret and returns it with its token, which is
// shown now or never. The secret before it goes on opening the door for overlap,
// or not at all; one before that ends now. A revoked key has no new secret:
// policy.ErrRevokedKey.
func (l *Ledger) RotateKey(ctx context.Context, id string, overlap time.Duration, by string) (token string, key policy.Key, err error) {
	now := l.o.Now().UTC()
	token, _, secret, err := newTokenFor(l.o.Rand, id)
	if err == nil && overlap < 0 {
		err = fmt.Errorf("the overlap must not be negative, got %v", overlap)
	}
	if err == nil {
		hash := l.auth.hashOf(secret)
		key, err = l.alterKey(ctx, id, func(t *tables, r *keyRecord) error {
			if !r.Key.Revoked.IsZero() {
				return policy.ErrRevokedKey
			}
			r.Former, r.Key.Overlap = nil, time.Time{}
			if overlap > 0 {
				r.Former, r.Key.Overlap = r.Hash, now.Add(overlap)
			}
			r.Hash, r.Key.Rotated = hash, now
			return t.keyChanged(r, "key.rotate", by, now)
		})
	}
	if err != nil {
		return "", policy.Key{}, fmt.Errorf("rotating key %q: %w", id, err)
	}
	l.o.Log.Info("key rotated", "id", key.ID, "name", key.Name, "team", key.Team, "overlap", overlap, "by", by)
	return token, key, nil
}

// ChangeKey makes of a key what c says, its expiry to begin with: a time that has
// passed ends it now.
func (l *Ledger) ChangeKey(ctx context.Context, id string, c policy.KeyChange, by string) (policy.Key, error) {
	now := l.o.Now().UTC()
	key, err := l.alterKey(ctx, id, func(t *tables, r *keyRecord) error {
		r.Key = c.Apply(r.Key)
		fit := r.Key
		fit.Expires = time.Time{}
		if err := checkNewKey(fit, now); err != nil {
			return err
		}
		return t.keyChanged(r, "key.change", by, now)
	})
	if err != nil {
		return policy.Key{}, fmt.Errorf("changing key %q: %w", id, err)
	}
	l.o.Log.Info("key changed", "id", key.ID, "name", key.Name, "team", key.Team, "by", by)
	return key, nil
}

// alterKey lets alter change a copy of a key's record inside the writer's
// transaction, and keeps the result.
func (l *Ledger) alterKey(ctx context.Context, id string, alter func(*tables, *keyRecord) error) (policy.Key, error) {
	var r *keyRecord
	w := newWrite(func(t *tables) error {
		sealed := t.tx.Bucket(bucketKeys).Get([]byte(id))
		if sealed == nil {
			return policy.ErrUnknownKey
		}
		var err error
		if r, err = openKey(id, sealed); err != nil {
			return err
		}
		if err := alter(t, r); err != nil {
			return err
		}
		return t.putKey(r)
	})
	w.folded = func() { l.auth.fold(r) }
	if err := l.queue.do(ctx, w); err != nil {
		return policy.Key{}, err
	}
	return r.Key, nil
}

// keyChanged journals r as it is after a change.
func (t *tables) keyChanged(r *keyRecord, action, by string, at time.Time) error {
	r.Action, r.By, r.At = action, by, at
	record, err := newRecord(kindKeyChanged, r)
	if err == nil {
		t.appendChange(record)
	}
	return err
}

// putKey keeps r in the index.
func (t *tables) putKey(r *keyRecord) error {
	sealed, err := sealKey(r)
	if err == nil {
		t.put(t.tx.Bucket(bucketKeys), []byte(r.Key.ID), sealed)
	}
	return err
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

// Authenticate returns the key of token, from memory. Otherwise the error is
// policy.ErrUnknownKey, or, where the secret is right, a *policy.EndedKeyError. The
// key's Models are shared: read them only.
func (l *Ledger) Authenticate(token string) (policy.Key, error) {
	return l.auth.authenticate(token, l.o.Now)
}

// sealKey is r as the index of keys holds it: with a checksum that its id goes
// into, since a flipped bit in a key would open or close a door.
func sealKey(r *keyRecord) ([]byte, error) {
	sealed, err := newRecord(kindKeyChanged, r)
	if err == nil {
		seal(keyPlace(r.Key.ID), sealed)
	}
	return sealed, err
}

// openKey reads what the index of keys holds under id.
func openKey(id string, sealed []byte) (*keyRecord, error) {
	place := keyPlace(id)
	_, text, err := openRecord(place, sealed)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", id, err)
	}
	r := new(keyRecord)
	if err := decode(place, text, r); err != nil || r.Key.ID != id {
		return nil, fmt.Errorf("key %q: %w", id, errDamaged)
	}
	return r, nil
}

// keyPlace stands in for a sequence number in the checksum of a sealed key.
func keyPlace(id string) uint64 { return uint64(crc32.Checksum([]byte(id), castagnoli)) }
