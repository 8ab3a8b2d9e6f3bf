package main

import (
	"net"
	"os"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/gateway/admin"
)

// access is how a command reaches the ledger: the file itself, or the admin API
// of the server that holds it.
type access struct {
	ledger string // path of the ledger
	admin  admin.Config
}

// loadAccess reads the configuration at path. It is a variable for tests.
var loadAccess = func(path string) (access, error) {
	file, control, err := configs.LoadAdmin(path, os.LookupEnv)
	return access{ledger: file.Path, admin: control}, err
}

// adminURL is where a process on this machine finds the admin API that listens
// at address: an address of no host in particular is reached over loopback.
func adminURL(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return "http://" + net.JoinHostPort(host, port), nil
}
