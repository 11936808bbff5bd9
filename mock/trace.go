package mock

import (
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
)

// trace calls the hooks that a request's context carries, as Transport does.
type trace struct{ hooks *httptrace.ClientTrace }

func traceOf(req *http.Request) trace {
	if hooks := httptrace.ContextClientTrace(req.Context()); hooks != nil {
		return trace{hooks}
	}
	return trace{&httptrace.ClientTrace{}}
}

func (t trace) getConn(hostPort string) {
	if t.hooks.GetConn != nil {
		t.hooks.GetConn(hostPort)
	}
}

func (t trace) connected(hostPort string, err error) {
	if t.hooks.ConnectStart != nil {
		t.hooks.ConnectStart("tcp", hostPort)
	}
	if t.hooks.ConnectDone != nil {
		t.hooks.ConnectDone("tcp", hostPort, err)
	}
}

// gotConn hands out a connection that is closed: it has addresses, and that is
// all that hooks look at.
func (t trace) gotConn() {
	if t.hooks.GotConn == nil {
		return
	}
	conn, peer := net.Pipe()
	conn.Close()
	peer.Close()
	t.hooks.GotConn(httptrace.GotConnInfo{Conn: conn})
}

func (t trace) wroteHeaders() {
	if t.hooks.WroteHeaders != nil {
		t.hooks.WroteHeaders()
	}
}

func (t trace) wroteRequest(err error) {
	if t.hooks.WroteRequest != nil {
		t.hooks.WroteRequest(httptrace.WroteRequestInfo{Err: err})
	}
}

func (t trace) firstByte() {
	if t.hooks.GotFirstResponseByte != nil {
		t.hooks.GotFirstResponseByte()
	}
}

// hostPort is the address that a URL leads to.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
