package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

func newKey(t testing.TB, l *Ledger, k policy.Key) (string, policy.Key) {
	t.Helper()
	token, key, err := l.CreateKey(context.Background(), k, "test")
	if err != nil {
		t.Fatal(err)
	}
	return token, key
}

func TestKeyOpensTheDoorUntilRevoked(t *testing.T) {
	l := newLedger(t)
	want := policy.Key{Name: "ci", Team: "acme", Models: []string{"auto"}}
	token, key := newKey(t, l, want)
	other, _ := newKey(t, l, policy.Key{})
	want.ID, want.Created = key.ID, day
	for range 2 {
		got, err := l.Authenticate(token)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		l = reopen(t, l)
	}
	for range 2 { // twice is allowed
		revoked, err := l.RevokeKey(context.Background(), key.ID, "test")
		if err != nil {
			t.Fatal(err)
		}
		if !revoked.Revoked.Equal(day) {
			t.Fatalf("revoked at %v", revoked.Revoked)
		}
	}
	for range 2 {
		if _, err := l.Authenticate(token); !errors.Is(err, policy.ErrRevokedKey) {
			t.Fatalf("revoked key: %v", err)
		}
		if _, err := l.Authenticate(other); err != nil {
			t.Fatalf("another key: %v", err)
		}
		l = reopen(t, l)
	}
	check(t, l)
	if _, err := l.RevokeKey(context.Background(), "nosuchid", "test"); !errors.Is(err, policy.ErrUnknownKey) {
		t.Fatalf("revoking an unknown key: %v", err)
	}
	if n := len(l.ListKeys()); n != 2 {
		t.Fatalf("%d keys listed", n)
	}
}

func TestKeyExpires(t *testing.T) {
	now := day
	l, err := Open(filepath.Join(t.TempDir(), "drover.db"), Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	token, _ := newKey(t, l, policy.Key{Expires: day.Add(time.Hour)})
	now = day.Add(time.Hour - time.Nanosecond)
	if _, err := l.Authenticate(token); err != nil {
		t.Fatal(err)
	}
	now = day.Add(time.Hour)
	if _, err := l.Authenticate(token); !errors.Is(err, policy.ErrExpiredKey) {
		t.Fatalf("expired key: %v", err)
	}
}

func TestWrongTokensAreUnknown(t *testing.T) {
	l := newLedger(t)
	token, key := newKey(t, l, policy.Key{})
	forged, _, _, err := newToken(l.o.Rand)
	if err != nil {
		t.Fatal(err)
	}
	body := "drv-" + key.ID + "-" + strings.Repeat("a", 32)
	wrongSecret := body + "-" + hexCRC(body)
	for name, tt := range map[string]struct {
		token  string
		reason error
	}{
		"unknown id":   {forged, policy.ErrUnknownKey},
		"wrong secret": {wrongSecret, policy.ErrUnknownKey},
		"empty":        {"", errMalformedToken},
		"another kind": {"sk-proj-0123456789", errMalformedToken},
		"cut off":      {token[:len(token)-1], errMalformedToken},
		"too long":     {token + "0", errMalformedToken},
		"upper case":   {strings.ToUpper(token), errMalformedToken},
		"mistyped":     {swapLetter(token, 20), errMistypedToken},
	} {
		got, err := l.Authenticate(tt.token)
		if !errors.Is(err, policy.ErrUnknownKey) || !errors.Is(err, tt.reason) {
			t.Errorf("%s: %v", name, err)
		}
		if got.ID != "" {
			t.Errorf("%s: key %s", name, got.ID)
		}
	}
}

// swapLetter changes one letter of a token into another that may stand there.
func swapLetter(token string, at int) string {
	b := []byte(token)
	if b[at] = 'a'; token[at] == 'a' {
		b[at] = 'b'
	}
	return string(b)
}

func TestUnfitKeysAreRefused(t *testing.T) {
	l := newLedger(t)
	_, _, err := l.CreateKey(context.Background(), policy.Key{
		Name: "a\nb", Team: strings.Repeat("x", 200), Models: []string{"auto", ""}, Expires: day,
	}, "test")
	if err == nil {
		t.Fatal("accepted")
	}
	for _, path := range []string{"name: ", "team: ", "models[1]: ", "expires_at: "} {
		if !strings.Contains(err.Error(), path) {
			t.Errorf("%q is not in: %v", path, err)
		}
	}
	if len(l.ListKeys()) != 0 {
		t.Fatal("a key was made")
	}
}

func TestFileHoldsNoToken(t *testing.T) {
	l := newLedger(t)
	token, key := newKey(t, l, policy.Key{Name: "canary"})
	_, secret, err := parseToken(token)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := tokenEncoding.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(file), key.ID) {
		t.Fatal("the id is not in the file, so this test sees nothing")
	}
	for _, s := range []string{secret, string(raw)} {
		if strings.Contains(string(file), s) {
			t.Error("the file holds the secret")
		}
	}
}

func TestChangesToKeysAreJournalled(t *testing.T) {
	l := newLedger(t)
	_, key := newKey(t, l, policy.Key{Name: "ci"})
	if _, err := l.RevokeKey(context.Background(), key.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.RevokeKey(context.Background(), key.ID, "bob"); err != nil {
		t.Fatal(err)
	}
	var kinds []kind
	var revoked keyRevoked
	err := l.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketJournal).ForEach(func(at, record []byte) error {
			seq, err := readSeq(at)
			if err != nil {
				return err
			}
			k, text, err := openRecord(seq, record)
			if err != nil {
				return err
			}
			if kinds = append(kinds, k); k == kindKeyRevoked {
				return json.Unmarshal(text, &revoked)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(kinds, []kind{kindKeyCreated, kindKeyRevoked}) {
		t.Fatalf("journal holds kinds %v", kinds)
	}
	if diff := cmp.Diff(keyRevoked{ID: key.ID, At: day, By: "ann"}, revoked); diff != "" {
		t.Fatal(diff)
	}
}

// TestDrawnTwice has the random source repeat itself once.
func TestDrawnTwice(t *testing.T) {
	drawn := strings.Repeat("p", pepperSize) + strings.Repeat("a", 25) + strings.Repeat("a", 25) + strings.Repeat("b", 25)
	l, err := Open(filepath.Join(t.TempDir(), "drover.db"), Options{Rand: strings.NewReader(drawn)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, first := newKey(t, l, policy.Key{})
	_, second := newKey(t, l, policy.Key{})
	if first.ID == second.ID {
		t.Fatal("two keys with one id")
	}
	if _, _, err := l.CreateKey(context.Background(), policy.Key{}, "test"); err == nil {
		t.Fatal("a key was made without randomness")
	}
}

func TestRotatedKeyTakesTheOldSecretForTheOverlap(t *testing.T) {
	now := day
	l, err := Open(filepath.Join(t.TempDir(), "drover.db"), Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	first, key := newKey(t, l, policy.Key{Name: "ci", Team: "acme"})
	opens := func(tokens ...string) (open []bool) {
		for _, token := range tokens {
			got, err := l.Authenticate(token)
			if err != nil && !errors.Is(err, policy.ErrUnknownKey) || err == nil && got.ID != key.ID {
				t.Fatalf("%+v: %v", got, err)
			}
			open = append(open, err == nil)
		}
		return open
	}
	expect := func(got []bool, want ...bool) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	}
	second, _, err := l.RotateKey(t.Context(), key.ID, time.Hour, "ann")
	if err != nil {
		t.Fatal(err)
	}
	expect(opens(first, second), true, true)
	now = day.Add(time.Hour)
	expect(opens(first, second), false, true)
	now = day.Add(2 * time.Hour)
	third, _, err := l.RotateKey(t.Context(), key.ID, 0, "ann")
	if err != nil {
		t.Fatal(err)
	}
	expect(opens(first, second, third), false, false, true)
	l = reopen(t, l)
	expect(opens(first, second, third), false, false, true)
	check(t, l)
	if _, err := l.RevokeKey(t.Context(), key.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.RotateKey(t.Context(), key.ID, 0, "ann"); !errors.Is(err, policy.ErrRevokedKey) {
		t.Fatal(err)
	}
}

func TestChangedKeyIsAsItWasToldToBe(t *testing.T) {
	l := newLedger(t)
	token, key := newKey(t, l, policy.Key{Name: "ci", Team: "acme", Budgets: []string{"small"}})
	expires := day.Add(time.Hour)
	changed, err := l.ChangeKey(t.Context(), key.ID, policy.KeyChange{Budgets: &[]string{"large"}, Tags: &map[string]string{"env": "ci"}, Expires: &expires}, "ann")
	if err != nil {
		t.Fatal(err)
	}
	want := key
	want.Budgets, want.Tags, want.Expires = []string{"large"}, map[string]string{"env": "ci"}, expires
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Fatal(diff)
	}
	if _, err := l.ChangeKey(t.Context(), key.ID, policy.KeyChange{Models: &[]string{""}}, "ann"); err == nil {
		t.Fatal("a key without sense was taken")
	}
	l = reopen(t, l)
	got, err := l.Authenticate(token)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	now := day
	if _, err := l.ChangeKey(t.Context(), key.ID, policy.KeyChange{Expires: &now}, "bob"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Authenticate(token); !errors.Is(err, policy.ErrExpiredKey) {
		t.Fatal(err)
	}
	check(t, l)
	changes, err := l.Changes(0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, c := range changes {
		told = append(told, c.Change.By+" "+c.Change.Action+" "+c.Change.Detail)
	}
	as := "ci; team acme; budgets "
	if diff := cmp.Diff([]string{
		"bob key.change " + as + "large; tags env=ci; until " + day.Format(time.RFC3339), "ann key.change " + as + "large; tags env=ci; until " + expires.Format(time.RFC3339),
		"test key.create " + as + "small",
	}, told); diff != "" {
		t.Fatal(diff)
	}
}
