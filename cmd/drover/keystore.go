package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"time"

	"github.com/drover-llm/drover/gateway/admin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
)

// keyStore is the keys, wherever they can be reached.
type keyStore interface {
	create(ctx context.Context, r admin.KeyRequest) (admin.NewKeyAnswer, error)
	list(ctx context.Context) (admin.KeyList, error)
	revoke(ctx context.Context, id string) (admin.Key, error)
	Close() error
}

// lockWait is enough for another command to finish; a server holds the ledger
// for good.
const lockWait = 200 * time.Millisecond

// openKeys opens the ledger, or finds the server that holds it. Only with create
// is a ledger made where there is none.
func openKeys(path string, create bool) (keyStore, error) {
	a, err := loadAccess(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(a.ledger); errors.Is(err, fs.ErrNotExist) && !create {
		return nil, fmt.Errorf("there is no ledger at %s yet: `drover serve` or `drover keys create` makes it", a.ledger)
	}
	l, err := ledger.Open(a.ledger, ledger.Options{Wait: lockWait})
	switch {
	case err == nil:
		return fileKeys{l}, nil
	case errors.Is(err, ledger.ErrLocked):
		c, err := newAdminClient(a)
		if err != nil {
			return nil, fmt.Errorf("ledger %s is held by a server: %w", a.ledger, err)
		}
		return serverKeys{c}, nil
	}
	return nil, err
}

// fileKeys are the keys of a ledger that no server holds.
type fileKeys struct{ *ledger.Ledger }

func (f fileKeys) create(ctx context.Context, r admin.KeyRequest) (admin.NewKeyAnswer, error) {
	token, key, err := f.CreateKey(ctx, r.Key(), asker())
	return admin.NewKeyAnswer{Key: admin.NewKey(key), Token: token}, err
}

func (f fileKeys) list(context.Context) (admin.KeyList, error) {
	return admin.NewKeyList(f.ListKeys()), nil
}

func (f fileKeys) revoke(ctx context.Context, id string) (admin.Key, error) {
	key, err := f.RevokeKey(ctx, id, asker())
	if errors.Is(err, policy.ErrUnknownKey) {
		err = fmt.Errorf("there is no key with the id %q", id)
	}
	return admin.NewKey(key), err
}

// asker says who changes the file by hand, for its journal.
func asker() string {
	name := "uid " + fmt.Sprint(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return "drover keys, run by " + name
}

// serverKeys are the keys of a ledger that a server holds.
type serverKeys struct{ *adminClient }

func (s serverKeys) create(ctx context.Context, r admin.KeyRequest) (a admin.NewKeyAnswer, err error) {
	err = s.do(ctx, http.MethodPost, "/api/keys", r, &a)
	return a, err
}

func (s serverKeys) list(ctx context.Context) (list admin.KeyList, err error) {
	err = s.do(ctx, http.MethodGet, "/api/keys", nil, &list)
	return list, err
}

func (s serverKeys) revoke(ctx context.Context, id string) (admin.Key, error) {
	var a admin.KeyAnswer
	err := s.do(ctx, http.MethodDelete, "/api/keys/"+url.PathEscape(id), nil, &a)
	return a.Key, err
}
