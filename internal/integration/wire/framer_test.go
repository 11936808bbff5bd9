package wire_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// framed is the server's end of one HTTP/2 connection, written on frames so
// that it can break the rules. One goroutine uses it.
type framed struct {
	*http2.Framer
	*served
}

// startFramed is startOrigin for HTTP/2 over TLS.
func startFramed(t *testing.T, handle func(*framed)) *origin {
	t.Helper()
	return startTLS(t, serverTLS(http2.NextProtoTLS), speakFrames(handle))
}

// startPlainFramed is startOrigin for HTTP/2 with prior knowledge, without TLS.
func startPlainFramed(t *testing.T, handle func(*framed)) *origin {
	t.Helper()
	return startOrigin(t, speakFrames(handle))
}

func speakFrames(handle func(*framed)) func(*served) {
	return func(c *served) {
		preface := make([]byte, len(http2.ClientPreface))
		if _, err := io.ReadFull(c.in, preface); err != nil || string(preface) != http2.ClientPreface {
			return
		}
		f := &framed{Framer: http2.NewFramer(c.Conn, c.in), served: c}
		f.WriteSettings()
		handle(f)
	}
}

// nextRequest reads frames up to the end of a request, counts it, and returns
// its stream. It is false when the client has gone.
func (f *framed) nextRequest() (stream uint32, ok bool) {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return 0, false
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				f.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				f.WritePing(true, frame.Data)
			}
		case *http2.HeadersFrame:
			if frame.StreamEnded() {
				return f.received(frame.StreamID)
			}
		case *http2.DataFrame:
			if frame.StreamEnded() {
				return f.received(frame.StreamID)
			}
		}
	}
}

func (f *framed) received(stream uint32) (uint32, bool) {
	f.origin.requests.Add(1)
	return stream, true
}

// answer sends a status and an empty JSON object.
func (f *framed) answer(stream uint32, status string) {
	var block bytes.Buffer
	head := hpack.NewEncoder(&block)
	head.WriteField(hpack.HeaderField{Name: ":status", Value: status})
	head.WriteField(hpack.HeaderField{Name: "content-type", Value: "application/json"})
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true})
	f.WriteData(stream, true, []byte("{}"))
}

// untilGone reads frames, and answers pings, until the client has gone.
func (f *framed) untilGone() {
	for {
		if _, ok := f.nextRequest(); !ok {
			return
		}
	}
}

// eachRequest gives every request of a connection to handle.
func eachRequest(handle func(*framed, uint32)) func(*framed) {
	return func(f *framed) {
		for {
			stream, ok := f.nextRequest()
			if !ok {
				return
			}
			handle(f, stream)
		}
	}
}

// resets answers every request with RST_STREAM.
func resets(code http2.ErrCode) func(*framed) {
	return eachRequest(func(f *framed, stream uint32) { f.WriteRSTStream(stream, code) })
}

// closeTCP closes a connection without a word above TCP.
func (f *framed) closeTCP() {
	if c, ok := f.Conn.(*tls.Conn); ok {
		c.NetConn().Close()
		return
	}
	f.Conn.Close()
}

// buffered lets writes to a pipe return before they are read, as those to a
// socket do; both ends of HTTP/2 may write at once.
func buffered(pipe net.Conn) net.Conn {
	writes := make(chan []byte, 100)
	go func() {
		for p := range writes {
			pipe.Write(p)
		}
	}()
	return bufferedConn{pipe, writes}
}

type bufferedConn struct {
	net.Conn
	writes chan<- []byte
}

func (c bufferedConn) Write(p []byte) (int, error) {
	c.writes <- bytes.Clone(p)
	return len(p), nil
}

func (c bufferedConn) Close() error {
	close(c.writes)
	return c.Conn.Close()
}
