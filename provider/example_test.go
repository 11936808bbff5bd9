package provider_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/provider"
)

// A provider that this package does not have, from what its documentation
// says: the key is a header of its own with at most 22 letters and digits and lives an
// hour; E_BUSY means in flight, E_KEY another request; declined cards are stored.
func Example() {
	acmepay := retrysafe.Profile{
		Name:            "acmepay",
		Key:             retrysafe.KeyRules{Header: "Acme-Request", Alphabet: "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", MaxLength: 22},
		Window:          55 * time.Minute,
		ComparesPayload: true,
		Rules: []retrysafe.Rule{
			{Status: 423, At: "/code", Is: "E_BUSY", Verdict: retrysafe.Wait},
			{Status: 422, At: "/code", Is: "E_KEY", Verdict: retrysafe.Mismatch},
			{Status: 402, At: "/code", Is: "E_DECLINED", Verdict: retrysafe.Refused, Stored: true},
		},
		Code:    []string{"/code"},
		Message: []string{"/text"},
	}

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Printf("a key of %d characters\n", len(r.Header.Get("Acme-Request")))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusPaymentRequired)
		fmt.Fprint(w, `{"code":"E_DECLINED","text":"Ask for another card."}`)
	}))
	defer server.Close()
	client, err := retrysafe.NewClient(server.URL, &retrysafe.Options{Profile: acmepay, Account: "shop/acmepay/test"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()

	type payment struct {
		Cents int `json:"cents"`
	}
	pay := retrysafe.Command[payment, retrysafe.None]{Name: "payments.create", Path: "/payments"}
	_, err = pay.Do(context.Background(), client, "order-1234", payment{Cents: 4200})

	var e *retrysafe.Error
	if errors.As(err, &e) {
		fmt.Println(e.Outcome, e.ProviderCode, e.Message)
	}
	// Output:
	// a key of 22 characters
	// not applied E_DECLINED Ask for another card.
}

// GoCardless answers a repeat after a success with the ID of what was made: the
// client gets that, and the caller sees a payment and not a conflict.
func ExampleGoCardless() {
	requests := 0
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payments", func(w http.ResponseWriter, r *http.Request) {
		if requests++; requests == 1 {
			panic(http.ErrAbortHandler) // the payment is made, and the answer lost
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"error":{"type":"invalid_state","code":409,"errors":[{
			"reason":"idempotent_creation_conflict","links":{"conflicting_resource_id":"PM123"}}]}}`)
	})
	mux.HandleFunc("GET /payments/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"payments":{"id":%q,"status":"pending_submission"}}`, r.PathValue("id"))
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	client, err := retrysafe.NewClient(server.URL, &retrysafe.Options{
		Profile: provider.GoCardless(), Account: "acme/gocardless/sandbox",
		Retry: retrysafe.RetryPolicy{Backoff: retrysafe.Backoff{Base: time.Millisecond}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()
	res, err := payWithGoCardless.Do(context.Background(), client, "order-1234", goCardlessPayment{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.Value.Payments.ID, res.Value.Payments.Status, res.Replayed)
	// Output: PM123 pending_submission true
}

func ExampleKeyless() {
	cancel := provider.Keyless(provider.GoCardless())
	command := retrysafe.Command[retrysafe.None, retrysafe.None]{
		Name: "payments.cancel", Path: "/payments/PM123/actions/cancel", Profile: &cancel,
	}
	client, err := retrysafe.NewClient("https://api.gocardless.com", &retrysafe.Options{Profile: provider.GoCardless()})
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := command.Key(client, "order-1234")
	fmt.Printf("%q %v\n", string(key), err)
	// Output: "" <nil>
}
