package retrysafe

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// takenBody is a request's body, in memory unless it is too long for that.
type takenBody struct {
	bytes []byte
	open  func() (io.ReadCloser, error) // nil: it is all in bytes
	once  bool                          // open gives it only once
	used  atomic.Bool                   // ... and has
	from  io.Closer
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// takeBody reads a body, for as long as somebody waits for it. It is left to
// close to close it.
func takeBody(req *http.Request) (*takenBody, error) {
	b := &takenBody{}
	if req.Body == nil || req.Body == http.NoBody {
		return b, nil
	}
	b.from = req.Body
	stop := context.AfterFunc(req.Context(), func() { req.Body.Close() })
	defer stop()
	var err error
	if b.bytes, err = io.ReadAll(io.LimitReader(req.Body, maxBody+1)); err != nil {
		return b, err
	}
	if len(b.bytes) > maxBody {
		b.tooLong(req)
		return b, nil
	}
	if length := req.ContentLength; length > 0 && length != int64(len(b.bytes)) {
		// It was read before: some SDKs send one request twice.
		return b, b.reread(req)
	}
	return b, nil
}

// tooLong has the body sent from where it comes from.
func (b *takenBody) tooLong(req *http.Request) {
	first := b.bytes
	b.bytes = nil
	if req.GetBody != nil {
		b.open = func() (io.ReadCloser, error) { return &lazyBody{open: req.GetBody}, nil }
		return
	}
	b.once = true
	rest := &onceBody{Reader: io.MultiReader(bytes.NewReader(first), req.Body), from: req.Body, used: &b.used}
	b.open = func() (io.ReadCloser, error) { return rest, nil }
}

// onceBody is a body that a transport may have begun to read, and then closes.
type onceBody struct {
	io.Reader
	from io.Closer
	used *atomic.Bool
}

func (b *onceBody) Read(p []byte) (int, error) {
	b.used.Store(true)
	return b.Reader.Read(p)
}

func (b *onceBody) Close() error {
	b.used.Store(true)
	return b.from.Close()
}

func (b *takenBody) reread(req *http.Request) error {
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return err
		}
		defer body.Close()
		if b.bytes, err = readBody(body, req.ContentLength); err != nil {
			return err
		}
	}
	if int64(len(b.bytes)) != req.ContentLength {
		return invalid("it has %d bytes and %d were announced", len(b.bytes), req.ContentLength)
	}
	return nil
}

// close closes the SDK's body, unless a transport has it, which closes it.
func (b *takenBody) close() {
	if b.from != nil && !b.used.Load() {
		b.from.Close()
	}
}

// digest is of a body that was not kept. One that can be read only once equals
// no other, because nobody can tell.
func (b *takenBody) digest() ([]byte, error) {
	if b.once {
		random := make([]byte, sha256.Size)
		_, err := rand.Read(random)
		return random, err
	}
	body, err := b.open()
	if err != nil {
		return nil, err
	}
	defer body.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, body); err != nil {
		return nil, err
	}
	return hash.Sum(nil), nil
}

// asksForToken recognises RFC 6749's request for an access token, a form with a
// grant_type. It is no operation, and its answer is a credential.
func (b *takenBody) asksForToken(req *http.Request) bool {
	if b.open != nil || mediaOf(req.Header) != mediaForm {
		return false
	}
	fields, ok := pairsOf(string(b.bytes))
	return ok && len(fields["grant_type"]) > 0
}

// request is the SDK's own, with the body that was read from it.
func (b *takenBody) request(req *http.Request) *http.Request {
	same := *req
	same.Body = newBody(b.bytes)
	return &same
}

// lazyBody opens a body when it is read, so that one which is never read is
// never opened. Over HTTP/2 a transport closes it while it reads it.
type lazyBody struct {
	open func() (io.ReadCloser, error)

	mu     sync.Mutex
	opened io.ReadCloser
	err    error
}

func (b *lazyBody) Read(p []byte) (int, error) {
	body, err := b.body()
	if err != nil {
		return 0, err
	}
	return body.Read(p)
}

func (b *lazyBody) body() (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opened == nil && b.err == nil {
		b.opened, b.err = b.open()
	}
	return b.opened, b.err
}

func (b *lazyBody) Close() error {
	b.mu.Lock()
	body := b.opened
	b.err = http.ErrBodyReadAfterClose
	b.mu.Unlock()
	if body == nil {
		return nil
	}
	return body.Close()
}
