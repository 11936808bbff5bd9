package mock

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"
)

// wire returns an answer as the bytes that HTTP/1.1 sends.
func (r Reply) wire(req *http.Request) []byte {
	r = r.clone()
	r.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	response := &http.Response{
		StatusCode: r.Status,
		ProtoMajor: 1, ProtoMinor: 1,
		Header:        r.Header,
		Body:          io.NopCloser(bytes.NewReader(r.Body)),
		ContentLength: int64(len(r.Body)),
		Request:       req,
	}
	var buf bytes.Buffer
	response.Write(&buf) // a Buffer takes everything
	return buf.Bytes()
}

// sent returns the bytes of a cut answer that arrive.
func (d delivery) sent(req *http.Request) []byte {
	all := d.reply.wire(req)
	headEnd := len(all) - len(d.reply.Body)
	if d.inHead {
		return all[:min(d.bytes, headEnd-1)]
	}
	return all[:headEnd+d.bytes]
}

// misread returns Transport's error about an answer that ends within its head.
func (d delivery) misread(req *http.Request) error {
	_, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(d.sent(req))), req)
	return fmt.Errorf("mock: transport connection broken: %w", err)
}
