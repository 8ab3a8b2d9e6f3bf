package admin

import (
	"net"
	"strconv"
	"strings"
	"unicode"
)

// DefaultListen is where the admin API listens unless told otherwise: on this
// machine only.
const DefaultListen = "127.0.0.1:8081"

// Config is the section admin of the configuration.
type Config struct {
	// Listen is the address of the admin API, host:port. Empty: 127.0.0.1:8081.
	Listen string `yaml:"listen"`

	// Token is what callers send as "Authorization: Bearer TOKEN". Empty: one is
	// made at the first start, printed once and kept in a file beside the ledger.
	Token string `yaml:"token"`
}

// Address is Listen or its default.
func (c Config) Address() string {
	if c.Listen == "" {
		return DefaultListen
	}
	return c.Listen
}

// Validate reports every fault of c by its path below admin. It never repeats
// the token.
func (c Config) Validate(fault func(path, format string, args ...any)) {
	_, port, err := net.SplitHostPort(c.Address())
	if err != nil {
		fault("listen", "must be host:port, such as %q, got %q", DefaultListen, c.Listen)
	} else if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		fault("listen", "must end in a port number from 0 to 65535, got %q", c.Listen)
	}
	if strings.ContainsFunc(c.Token, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) || r == ' ' }) {
		fault("token", "must hold printable ASCII without spaces, since it travels in a header")
	}
}

// isLoopback reports whether only this machine reaches addr.
func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}
