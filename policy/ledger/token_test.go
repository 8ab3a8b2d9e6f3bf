package ledger

import (
	"crypto/rand"
	"encoding/hex"
	"testing"
)

func hexCRC(body string) string { return hex.EncodeToString(crcOf(body)) }

func FuzzParseToken(f *testing.F) {
	token, _, _, err := newToken(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add("drv-aaaaaaaa-" + "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" + "-00000000")
	f.Add("sk-abc")
	f.Fuzz(func(t *testing.T, token string) {
		id, secret, err := parseToken(token)
		if err != nil {
			if id+secret != "" {
				t.Fatalf("%q: parts beside an error", token)
			}
			return
		}
		// What is accepted has one spelling only.
		body := "drv-" + id + "-" + secret
		if token != body+"-"+hexCRC(body) || len(id) != 8 || len(secret) != 32 {
			t.Fatalf("%q was taken apart into %q and %q", token, id, secret)
		}
	})
}
