package gateway

import (
	"net/http"
	"sync"
	"time"
)

// keepAlive sends white space, which JSON may begin with, to a client that waits
// for a whole reply. Once it has sent any, the status is out.
type keepAlive struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	every time.Duration

	mu    sync.Mutex
	timer *time.Timer
	over  bool
	sent  bool
}

// startKeepAlive begins to wait. With every 0 it is nil, which never sends anything.
func startKeepAlive(w http.ResponseWriter, every time.Duration) *keepAlive {
	if every <= 0 {
		return nil
	}
	k := &keepAlive{w: w, rc: http.NewResponseController(w), every: every}
	k.mu.Lock() // send waits until there is a timer to set again
	defer k.mu.Unlock()
	k.timer = time.AfterFunc(every, k.send)
	return k
}

func (k *keepAlive) send() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return
	}
	if !k.sent {
		k.sent = true
		h := k.w.Header()
		set(h, "Content-Type", "application/json", "Cache-Control", "no-cache", "X-Accel-Buffering", "no")
		k.w.WriteHeader(http.StatusOK)
	}
	_ = k.rc.SetWriteDeadline(time.Now().Add(stalled))
	if _, err := k.w.Write([]byte(" \n")); err != nil || k.rc.Flush() != nil {
		return // the client has gone, of which the request's context tells
	}
	k.timer.Reset(k.every)
}

// stop ends it and reports whether the status is out. Nothing is sent after it.
func (k *keepAlive) stop() (sent bool) {
	if k == nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	k.timer.Stop()
	return k.sent
}
