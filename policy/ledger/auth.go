package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

// Refusals of tokens that no look-up can be made for; outside they are unknown
// keys like any other.
var (
	errMalformed = fmt.Errorf("%w: %w", policy.ErrUnknownKey, errMalformedToken)
	errMistyped  = fmt.Errorf("%w: %w", policy.ErrUnknownKey, errMistypedToken)
)

// authenticator is the keys in memory. Readers see one immutable map; only the
// writer makes a new one.
type authenticator struct {
	keys   atomic.Pointer[map[string]*keyRecord]
	macs   sync.Pool         // of *mac
	nobody [sha256.Size]byte // compared with where the id is unknown, so that it takes as long
}

// mac is a keyed hash with room for its sum.
type mac struct {
	hash.Hash
	text [secretEnd]byte
	sum  [sha256.Size]byte
}

// load reads pepper and keys.
func (a *authenticator) load(tx *bolt.Tx) error {
	pepper, err := readPepper(tx)
	if err != nil {
		return err
	}
	a.macs.New = func() any { return &mac{Hash: hmac.New(sha256.New, pepper)} }
	keys := map[string]*keyRecord{}
	err = tx.Bucket(bucketKeys).ForEach(func(id, sealed []byte) error {
		r, err := openKey(string(id), sealed)
		if err != nil {
			return err
		}
		keys[string(id)] = r
		return nil
	})
	a.keys.Store(&keys)
	return err
}

// keyedHash is the HMAC-SHA256 of secret under the pepper; the slice is m's.
func (m *mac) keyedHash(secret string) []byte {
	m.Reset()
	m.Write(m.text[:copy(m.text[:], secret)])
	return m.Sum(m.sum[:0])
}

// hashOf is the keyed hash of a secret.
func (a *authenticator) hashOf(secret string) []byte {
	m := a.macs.Get().(*mac)
	defer a.macs.Put(m)
	return slices.Clone(m.keyedHash(secret))
}

// fold replaces one key.
func (a *authenticator) fold(r *keyRecord) {
	keys := maps.Clone(*a.keys.Load())
	keys[r.Key.ID] = r
	a.keys.Store(&keys)
}

// authenticate finds the key of token as it is at now.
func (a *authenticator) authenticate(token string, now func() time.Time) (policy.Key, error) {
	id, secret, err := parseToken(token)
	switch {
	case errors.Is(err, errMistypedToken):
		return policy.Key{}, errMistyped
	case err != nil:
		return policy.Key{}, errMalformed
	}
	r, want, former := (*a.keys.Load())[id], a.nobody[:], a.nobody[:]
	if r != nil {
		want = r.Hash
		if len(r.Former) > 0 && now().Before(r.Key.Overlap) {
			former = r.Former
		}
	}
	m := a.macs.Get().(*mac)
	got := m.keyedHash(secret)
	same := subtle.ConstantTimeCompare(got, want)|subtle.ConstantTimeCompare(got, former) == 1
	a.macs.Put(m)
	switch {
	case r == nil || !same:
		return policy.Key{}, policy.ErrUnknownKey
	case !r.Key.Revoked.IsZero():
		return policy.Key{}, &policy.EndedKeyError{ID: id, At: r.Key.Revoked.UTC(), Why: policy.ErrRevokedKey}
	case !r.Key.Expires.IsZero() && !now().Before(r.Key.Expires):
		return policy.Key{}, &policy.EndedKeyError{ID: id, At: r.Key.Expires.UTC(), Why: policy.ErrExpiredKey}
	}
	return r.Key, nil
}
