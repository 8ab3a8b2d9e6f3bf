package gateway_test

import (
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy"
)

// The holder of a key that has ended reads that it has, and when; whoever has its
// id alone reads what he would read of any other.
func TestEndedKeysTellTheirHoldersAndNobodyElse(t *testing.T) {
	h := open(t, standin.Config{})
	stranger, _, err := h.ledger.CreateKey(t.Context(), policy.Key{Name: "stranger"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	ask := func(token string) string {
		r := h.request(t.Context(), `{}`)
		r.Header.Set("Authorization", "Bearer "+token)
		resp, body := h.do(r)
		checkError(t, resp, body, http.StatusUnauthorized, "invalid_api_key")
		return string(body)
	}
	for word, end := range map[string]func(id string) (time.Time, error){
		"expired at ": func(id string) (time.Time, error) {
			key, err := h.ledger.ChangeKey(t.Context(), id, policy.KeyChange{Expires: new(time.Now())}, "test")
			return key.Expires, err
		},
		"was revoked at ": func(id string) (time.Time, error) {
			key, err := h.ledger.RevokeKey(t.Context(), id, "test")
			return key.Revoked, err
		},
	} {
		token, key, err := h.ledger.CreateKey(t.Context(), policy.Key{Name: "short"}, "test")
		if err != nil {
			t.Fatal(err)
		}
		at, err := end(key.ID)
		if err != nil {
			t.Fatal(err)
		}
		if told := ask(token); !strings.Contains(told, word+at.UTC().Format(time.RFC3339)) || strings.Contains(told, token) {
			t.Errorf("the holder is told %s", told)
		}
		guessed := withSecretOf(token, stranger)
		if told := ask(guessed); strings.Contains(told, key.ID) || strings.Contains(told, word) || !strings.Contains(told, "Incorrect API key") {
			t.Errorf("who guesses is told %s", told)
		}
	}
}

// withSecretOf is a well-formed token with the id of one and the secret of another.
func withSecretOf(token, other string) string {
	id, secret := strings.Split(token, "-")[1], strings.Split(other, "-")[2]
	body := "drv-" + id + "-" + secret
	return body + "-" + fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body)))
}
