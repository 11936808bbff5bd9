package sdks_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

func openaiClient(client *http.Client, url string, opts ...option.RequestOption) openai.Client {
	return openai.NewClient(append(opts, option.WithAPIKey("sk-x"), option.WithBaseURL(url+"/v1/"), option.WithHTTPClient(client))...)
}

var chat = openai.ChatCompletionNewParams{Model: "gpt-x", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("hello")}}

func openaiCall(opts ...option.RequestOption) func(context.Context, *http.Client, string) error {
	return func(ctx context.Context, client *http.Client, url string) error {
		c := openaiClient(client, url, opts...)
		answer, err := c.Chat.Completions.New(ctx, chat)
		if err == nil && answer.ID == "" {
			return errors.New("no ID")
		}
		return err
	}
}

func TestOpenAI(t *testing.T) {
	s := sdk{
		effect: func(mock.Request) mock.Reply { return mock.JSON(200, map[string]any{"id": "chat_1"}) },
		call:   openaiCall(option.WithMaxRetries(0)), plain: openaiCall(),
		fails:    func(status int) mock.Fault { return json(status, `{"error":{"message":"no"}}`) },
		conflict: mock.KeyInFlight(1),
		declined: json(400, `{"error":{"message":"no","type":"invalid_request_error"}}`),
		isDeclined: func(err error) bool {
			var of *openai.Error
			return errors.As(err, &of) && of.StatusCode == 400 && of.Type == "invalid_request_error"
		},
	}
	s.proves(t)
}

// TestOpenAIStreams: an event arrives before the server is done.
func TestOpenAIStreams(t *testing.T) {
	next, failed := make(chan struct{}), false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !failed {
			failed = true
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(503)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: {\"id\":\"chat_%d\",\"choices\":[]}\n\n", i)
			w.(http.Flusher).Flush()
			select {
			case <-next:
			case <-time.After(10 * time.Second):
				return
			}
		}
		fmt.Fprint(w, "data: [DONE]\n\n")
	}))
	defer server.Close()
	client, err := retrysafe.NewClient(server.URL, &retrysafe.Options{Retry: retrysafe.RetryPolicy{Backoff: retrysafe.Backoff{Base: time.Millisecond}}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	transport, err := retrysafe.NewTransport(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, report := retrysafe.WithOperation(t.Context(), "completions.create", "chat-1")
	c := openaiClient(&http.Client{Transport: transport}, server.URL, option.WithMaxRetries(0))
	stream := c.Chat.Completions.NewStreaming(ctx, chat)
	defer stream.Close()
	n := 0
	for stream.Next() {
		if got := stream.Current().ID; got != fmt.Sprint("chat_", n) {
			t.Errorf("event %d is %q", n, got)
		}
		n++
		next <- struct{}{} // The server goes on only once this one was read.
	}
	if stream.Err() != nil || n != 3 || report.Err() != nil || len(report.Attempts()) != 2 {
		t.Errorf("%d events, %v; the report: %v after %d attempts", n, stream.Err(), report.Err(), len(report.Attempts()))
	}
}
