package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
)

// chatBase is below which a chat is answered; elsewhere it is a charge.
const chatBase = "/chat"

// aChat is an answer that openai-go decodes, with the numbers of the charge.
var aChat = answering{http.StatusOK, []byte(`{"id":"ch_1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,` +
	`"finish_reason":"stop","message":{"role":"assistant","content":"yes"}}],"usage":{"prompt_tokens":4000,"completion_tokens":200,"total_tokens":4200}}`)}

func answerTo(r *http.Request) answering {
	if strings.HasPrefix(r.URL.Path, chatBase) {
		return aChat
	}
	return accepted
}

// inMemory answers without a socket.
type inMemory struct{}

func (inMemory) RoundTrip(r *http.Request) (*http.Response, error) { return answerTo(r).RoundTrip(r) }

// setting is where, and by how many at once, the call is made.
type setting struct {
	name    string
	target  target
	callers int
	calls   int // of each caller, until the next peer's turn comes
}

// settings returns the three settings, and what ends their server.
func settings() ([]setting, func() error, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	server := &http.Server{Handler: http.HandlerFunc(serve)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	callers := 16 * runtime.GOMAXPROCS(0)
	wire := &http.Transport{MaxIdleConnsPerHost: callers}
	loopback := target{"http://" + listener.Addr().String(), wire}
	end := func() error {
		wire.CloseIdleConnections()
		err := server.Close()
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	}
	return []setting{
		{"in memory", target{"https://api.example.com", inMemory{}}, 1, 20},
		{"loopback, one caller", loopback, 1, 20},
		{"loopback, 16 callers a core", loopback, callers, 5},
	}, end, nil
}

func serve(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	answer := answerTo(r)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.status)
	io.Copy(w, bytes.NewReader(answer.body))
}
