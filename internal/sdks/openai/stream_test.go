package openai_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/internal/sdks/sdktest"
	"github.com/retrysafe/retrysafe/mock"
)

var pieces = []string{"one", "two", "three"}

// streamer stands before mock and gives its successes away as events. It knows
// nothing of keys: mock has counted the effect by then.
type streamer struct {
	next   http.Handler
	heard  chan struct{} // nil, or one value for every event that arrived
	late   atomic.Bool   // an event was not waited for in vain
	cut    int32         // how many streams end after their first event
	served atomic.Int32
}

func (s *streamer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	answer := httptest.NewRecorder() // Faults that hang up panic through it.
	s.next.ServeHTTP(answer, req)
	if answer.Code >= 300 {
		w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	cut := s.served.Add(1) <= s.cut
	for _, piece := range pieces {
		fmt.Fprintf(w, "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", piece)
		w.(http.Flusher).Flush()
		if s.wait(); cut {
			panic(http.ErrAbortHandler)
		}
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// wait waits until the event was received.
func (s *streamer) wait() {
	if s.heard == nil {
		return
	}
	select {
	case <-s.heard:
	case <-time.After(5 * time.Second):
		s.late.Store(true)
	}
}

// streaming is the SDK with calls that stream.
func streaming(cut int32) sdktest.SDK {
	own := *sdk
	own.Command, own.Made = "chat.completions.stream", "one two three"
	own.Front = func(next http.Handler) http.Handler { return &streamer{next: next, cut: cut} }
	own.Alone = func(hc *http.Client) sdktest.Call {
		return read(openai.NewClient(option.WithAPIKey("sk-1"), option.WithHTTPClient(hc)))
	}
	own.Under = func(transport http.RoundTripper) sdktest.Call { return read(newOpenAI(transport, "sk-1")) }
	return own
}

// read reads a stream to its end.
func read(oc openai.Client) sdktest.Call {
	return func(ctx context.Context) (string, error) {
		var all []string
		stream := oc.Chat.Completions.NewStreaming(ctx, params)
		defer stream.Close()
		for stream.Next() {
			all = append(all, stream.Current().Choices[0].Delta.Content)
		}
		return strings.Join(all, " "), stream.Err()
	}
}

var (
	streamCases = []sdktest.Case{
		sdktest.On("none, streaming", sdktest.Fine(1), sdktest.Once(1)),
		sdktest.On("500 in JSON before the stream, after the effect", sdktest.Doubles(2), stopped(retrysafe.Unknown, 1), mock.FailAfterEffect(500)),
		sdktest.On("connection reset before the stream, after the effect", sdktest.Doubles(2), stopped(retrysafe.Unknown, 1), mock.ResetAfterEffect()),
	}
	keyedStreamCases = []sdktest.Case{
		sdktest.On("500 in JSON before the stream", sdktest.Fine(2), sdktest.Once(2), sdktest.JSON(500, broken)),
		sdktest.On("500 in JSON before the stream, after the effect", sdktest.Doubles(2), sdktest.Once(2), mock.FailAfterEffect(500)),
		sdktest.On("connection reset before the stream, after the effect", sdktest.Doubles(2), sdktest.Once(2), mock.ResetAfterEffect()),
	}
	cutCases = []sdktest.Case{
		sdktest.On("stream cut after its first event", sdktest.GivesUp(1, 1, 2), stopped(retrysafe.Applied, 1)),
	}
)

func TestAStreamIsPaidForOnce(t *testing.T) {
	whole, cut := streaming(0), streaming(1)
	whole.Run(t, streamCases)
	cut.Run(t, cutCases)
}

func TestBehindAGatewayWithKeysAFailureBeforeTheStreamIsTriedAgain(t *testing.T) {
	keyed(streaming(0)).Run(t, keyedStreamCases)
}

// TestEventsArriveOneByOne: each is sent only when the one before was received.
func TestEventsArriveOneByOne(t *testing.T) {
	own, server := streaming(0), (*streamer)(nil)
	own.Front = func(next http.Handler) http.Handler {
		server = &streamer{next: next, heard: make(chan struct{}, len(pieces))}
		return server
	}
	p := own.Start(t)
	oc := newOpenAI(own.Over(t, own.Client(t, p, nil, nil)), "sk-1")
	var got []string
	err := recite(t.Context(), oc, "poem-1", "a poem", func(piece string) {
		got = append(got, piece)
		server.heard <- struct{}{}
	})
	if err != nil || !slices.Equal(got, pieces) || server.late.Load() || p.EffectCount() != 1 {
		t.Errorf("%v %q, kept back: %v, %d effects", err, got, server.late.Load(), p.EffectCount())
	}
}

// TestACutStreamIsNotBegunAnew: what was paid for cannot be given again, and the
// next call under the name says so.
func TestACutStreamIsNotBegunAnew(t *testing.T) {
	own := streaming(1)
	p, durable := own.Start(t), sdktest.NewStore()
	first, again := own.Call(t, p, durable), own.Call(t, p, durable)
	if first.ID != "one" || first.Err == nil || first.Report.Err() != nil {
		t.Errorf("first: %q, %v, %v", first.ID, first.Err, first.Report.Err())
	}
	if !errors.Is(again.Err, retrysafe.ErrAnswerLost) || again.End.Outcome != retrysafe.Applied || again.End.Attempts != 0 {
		t.Errorf("again: %v, %v", again.Err, again.End)
	}
	if len(p.Requests()) != 1 {
		t.Errorf("%d requests, want 1", len(p.Requests()))
	}
}
