package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// adminTokenPath is where the admin token lies when the configuration has none:
// beside the ledger, so that whoever may read the ledger may ask its server.
func adminTokenPath(ledgerPath string) string { return ledgerPath + ".admin-token" }

// readAdminToken returns the token kept beside the ledger. fs.ErrNotExist: none
// was made yet.
func readAdminToken(ledgerPath string) (string, error) {
	path := adminTokenPath(ledgerPath)
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the admin token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("reading the admin token: %s is empty; remove it, and the next start makes another", path)
	}
	return token, nil
}

// makeAdminToken returns the token kept beside the ledger, and makes it where
// there is none. Only the holder of the ledger may call it, and shows the token
// once, when made.
func makeAdminToken(ledgerPath string) (token string, made bool, err error) {
	token, err = readAdminToken(ledgerPath)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, false, err
	}
	token = "drv-admin-" + strings.ToLower(rand.Text())
	if err := writeSecret(adminTokenPath(ledgerPath), token+"\n"); err != nil {
		return "", false, fmt.Errorf("keeping the admin token: %w", err)
	}
	return token, true, nil
}

// writeSecret makes a file that its owner alone may read, whole or not at all.
func writeSecret(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
