package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/drover-llm/drover/policy"
)

var (
	acme  = policy.Account{Key: "k1", Team: "acme"}
	acme2 = policy.Account{Key: "k2", Team: "acme"}
	rival = policy.Account{Key: "k3", Team: "rival"}
	loner = policy.Account{Key: "k4"}
	// A team that is named like a key must not be taken for it.
	sly = policy.Account{Key: "k5", Team: "key:k4"}
)

func suite(id string, who policy.Account) policy.Suite {
	return policy.Suite{ID: id, At: day, Account: who, Spec: json.RawMessage(`{"tests":"assert 1 < 2"}`)}
}

func mustAddSuite(t testing.TB, l *Ledger, s policy.Suite) policy.Suite {
	t.Helper()
	s, err := l.AddSuite(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSuiteBelongsToTheTeamOfItsKey(t *testing.T) {
	l := newLedger(t)
	mustAddSuite(t, l, suite("suite_a", acme))
	mustAddSuite(t, l, suite("suite_b", loner))
	l = reopen(t, l)
	for _, c := range []struct {
		who  policy.Account
		id   string
		want error
	}{
		{acme, "suite_a", nil}, {acme2, "suite_a", nil}, {rival, "suite_a", policy.ErrUnknownSuite}, {loner, "suite_a", policy.ErrUnknownSuite},
		{loner, "suite_b", nil}, {acme, "suite_b", policy.ErrUnknownSuite}, {sly, "suite_b", policy.ErrUnknownSuite},
		{policy.Account{Key: "k6"}, "suite_b", policy.ErrUnknownSuite}, {acme, "", policy.ErrUnknownSuite},
	} {
		got, err := l.Suite(c.who, c.id)
		if !errors.Is(err, c.want) || err == nil && (got.ID != c.id || !json.Valid(got.Spec)) {
			t.Errorf("%v asks for %q: %v, %v", c.who, c.id, got, err)
		}
	}
	if err := l.DeleteSuite(t.Context(), rival, "suite_a"); !errors.Is(err, policy.ErrUnknownSuite) {
		t.Fatal(err)
	}
	if err := l.DeleteSuite(t.Context(), acme2, "suite_a"); err != nil {
		t.Fatal(err)
	}
	l = reopen(t, l)
	if _, err := l.Suite(acme, "suite_a"); !errors.Is(err, policy.ErrUnknownSuite) {
		t.Fatal(err)
	}
	check(t, l)
}

func TestSuiteAddedTwiceIsOne(t *testing.T) {
	l := newLedger(t)
	first := mustAddSuite(t, l, suite("suite_a", acme))
	again := suite("suite_a", acme2)
	again.At = day.AddDate(0, 0, 1)
	if got := mustAddSuite(t, l, again); !got.At.Equal(first.At) || got.Account != acme {
		t.Fatalf("%+v", got)
	}
	if got := mustAddSuite(t, l, suite("suite_a", rival)); got.Account != rival {
		t.Fatalf("%+v", got)
	}
	check(t, l)
}

func TestSuitesOfAnOwnerAreBounded(t *testing.T) {
	l := newLedger(t)
	l.db.NoSync = true
	mustAddSuite(t, l, suite("suite_0", acme))
	mustAddSuite(t, l, suite("suite_0", loner))
	multiply(t, l, acme, policy.MaxSuites-1) // all of them are suite_0's record
	if _, err := l.AddSuite(t.Context(), suite("suite_more", acme2)); !errors.Is(err, policy.ErrSuitesFull) {
		t.Fatal(err)
	}
	mustAddSuite(t, l, suite("suite_0", acme2)) // it is there
	mustAddSuite(t, l, suite("suite_more", rival))
	if err := l.DeleteSuite(t.Context(), acme, "suite_0"); err != nil {
		t.Fatal(err)
	}
	mustAddSuite(t, l, suite("suite_more", acme))

	large := suite("suite_0", sly)
	large.Spec = json.RawMessage(`{"tests":"` + strings.Repeat("x", policy.MaxSuiteBytes-100) + `"}`)
	mustAddSuite(t, l, large)
	multiply(t, l, sly, policy.MaxSuitesSize/policy.MaxSuiteBytes-1)
	large.ID = "suite_large"
	if _, err := l.AddSuite(t.Context(), large); !errors.Is(err, policy.ErrSuitesFull) {
		t.Fatal(err)
	}
}

// multiply gives an owner so many more suites, of the record of suite_0.
func multiply(t *testing.T, l *Ledger, who policy.Account, n int) {
	t.Helper()
	err := l.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketSuites)
		at := bytes.Clone(b.Get(suiteKey(who, "suite_0")))
		for i := range n {
			if err := b.Put(suiteKey(who, fmt.Sprintf("suite_copy_%d", i)), at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
