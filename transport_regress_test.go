package retrysafe_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

// Over HTTP/2 a request's body is closed while it is still being read. The race
// detector is what looks.
func TestALongRequestMayBeClosedWhileItIsRead(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, "{}")
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	client, err := retrysafe.NewClient(server.URL, &retrysafe.Options{HTTPClient: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("x", 8<<20+1)
	for i := range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(100+20*i)*time.Millisecond)
		ctx, report := retrysafe.WithOperation(ctx, "files.create", fmt.Sprint("file-", i))
		got, err := send(ctx, transportOf(t, client, nil), "POST", server.URL, body)
		if (got.status != http.StatusBadRequest && err == nil) || report.Outcome() == retrysafe.Applied {
			t.Errorf("%d %v %v", got.status, err, report.Err())
		}
		cancel()
	}
}
