package soak_test

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// origin is a server with a ledger of its own. It treats deliveries as badly as
// the treatment says.
type origin struct {
	*httptest.Server
	orders   []order
	served   []atomic.Int64 // by fault
	followed atomic.Int64   // redirects that somebody followed
	working  atomic.Int64   // deliveries that are being treated

	mu    sync.Mutex
	conns map[net.Conn]http.ConnState
}

func newOrigin(t *testing.T, operations int) *origin {
	o := &origin{orders: make([]order, operations), served: make([]atomic.Int64, len(faults)), conns: map[net.Conn]http.ConnState{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders/{number}/{what}", o.serve)
	mux.HandleFunc("/followed", func(http.ResponseWriter, *http.Request) { o.followed.Add(1) })
	o.Server = httptest.NewUnstartedServer(mux)
	o.Config.ErrorLog = log.New(io.Discard, "", 0)
	o.Config.ConnState = o.connState
	o.Start()
	t.Cleanup(func() {
		o.CloseClientConnections() // Some are left open only if the test has failed.
		o.Close()
	})
	return o
}

func (o *origin) serve(w http.ResponseWriter, r *http.Request) {
	o.working.Add(1)
	defer o.working.Add(-1)
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || number >= len(o.orders) {
		http.NotFound(w, r)
		return
	}
	v := &visit{ResponseWriter: w, Request: r, number: number, order: &o.orders[number]}
	index, fails := treatment(number, v.order.deliver())
	if !fails {
		fine(v)
		return
	}
	o.served[index].Add(1)
	faults[index].treat(v)
}

func (o *origin) connState(c net.Conn, state http.ConnState) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		delete(o.conns, c)
		return
	}
	o.conns[c] = state
}

// connections counts those that are open, and those of them that are at work:
// of the others some were never used.
func (o *origin) connections() (open, busy int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, state := range o.conns {
		if state == http.StateActive {
			busy++
		}
	}
	return len(o.conns), busy
}
