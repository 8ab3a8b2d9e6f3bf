package ledger

import (
	"encoding/base32"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
)

// A token is "drv-<id>-<secret>-<crc>": id and secret in lower case base32, crc
// the CRC-32 in hexadecimal of all that precedes its hyphen. The checksum tells a
// mistyped token from a wrong one without a look-up; it guards nothing.
const (
	tokenPrefix = "drv-"
	idBytes     = 5  // 8 characters
	secretBytes = 20 // 160 bits, 32 characters

	idEnd       = len(tokenPrefix) + idBytes*8/5
	secretEnd   = idEnd + 1 + secretBytes*8/5
	tokenLength = secretEnd + 1 + 8
)

var (
	errMalformedToken = errors.New("not an API key: it should look like drv-<id>-<secret>-<checksum>")
	errMistypedToken  = errors.New("mistyped API key: its checksum is wrong")
)

var tokenEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newToken draws a token.
func newToken(random io.Reader) (token, id, secret string, err error) {
	var drawn [idBytes]byte
	if _, err := io.ReadFull(random, drawn[:]); err != nil {
		return "", "", "", err
	}
	return newTokenFor(random, tokenEncoding.EncodeToString(drawn[:]))
}

// newTokenFor draws the secret of a token whose id is there already.
func newTokenFor(random io.Reader, id string) (token, sameID, secret string, err error) {
	var drawn [secretBytes]byte
	if _, err := io.ReadFull(random, drawn[:]); err != nil {
		return "", "", "", err
	}
	secret = tokenEncoding.EncodeToString(drawn[:])
	body := tokenPrefix + id + "-" + secret
	return body + "-" + hex.EncodeToString(crcOf(body)), id, secret, nil
}

// parseToken takes a token apart, in one way only: what it accepts is exactly
// what newToken makes.
func parseToken(token string) (id, secret string, err error) {
	if len(token) != tokenLength || token[:len(tokenPrefix)] != tokenPrefix ||
		token[idEnd] != '-' || token[secretEnd] != '-' {
		return "", "", errMalformedToken
	}
	id, secret = token[len(tokenPrefix):idEnd], token[idEnd+1:secretEnd]
	if !isBase32(id) || !isBase32(secret) {
		return "", "", errMalformedToken
	}
	sum := crcOf(token[:secretEnd])
	var want [8]byte
	hex.Encode(want[:], sum)
	if string(want[:]) != token[secretEnd+1:] {
		return "", "", errMistypedToken
	}
	return id, secret, nil
}

func isBase32(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

func crcOf(s string) []byte {
	var buf [tokenLength]byte
	sum := crc32.ChecksumIEEE(buf[:copy(buf[:], s)])
	return []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}
}
