package retrysafe_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

// reusing is a request with a canary wherever a value can be.
type reusing struct {
	Charge  string            `path:"charge"`
	Limit   string            `query:"limit"`
	Version string            `header:"X-Version"`
	Amount  string            `json:"amount" form:"amount"`
	Items   []Address         `json:"items" form:"items"`
	Meta    map[string]string `json:"meta" form:"meta"`
	Sent    int64             `json:"sent" form:"sent"`
}

func TestAReusedIDSaysWhatDiffersAndNoValue(t *testing.T) {
	first := reusing{
		"CANARY1", "CANARY2", "CANARY3", "CANARY4", []Address{{"CANARY5", nil, 1}}, map[string]string{"order": "CANARY6"}, 1,
	}
	for _, test := range []struct {
		body   retrysafe.Encoding
		change func(*reusing)
		want   string
	}{
		{retrysafe.JSON, func(r *reusing) { r.Charge = "CANARY7" }, "{charge} differs"},
		{retrysafe.JSON, func(r *reusing) { r.Limit = "CANARY7" }, "query:limit differs"},
		{retrysafe.JSON, func(r *reusing) { r.Version = "CANARY7" }, "header:X-Version differs"},
		{retrysafe.JSON, func(r *reusing) { r.Amount, r.Sent = "CANARY7", 2 }, "/amount, /sent differ"},
		{retrysafe.Form, func(r *reusing) { r.Amount, r.Sent = "CANARY7", 2 }, "amount, sent differ"},
		{retrysafe.JSON, func(r *reusing) { r.Items = []Address{{"CANARY7", nil, 1}} }, "/items/0/street differs"},
		{retrysafe.Form, func(r *reusing) { r.Items = []Address{{"CANARY7", nil, 1}} }, "items[0][street] differs"},
		{retrysafe.JSON, func(r *reusing) { r.Meta = map[string]string{"order": "CANARY7", "note": "CANARY8"} }, "/meta/note, /meta/order differ"},
	} {
		storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
			c := command[reusing](test.body, "/v1/charges/{charge}")
			c.Name = "charges.update"
			if _, err := c.Do(context.Background(), restart(), "order-1", first); retrysafe.OutcomeOf(err) != retrysafe.Applied {
				t.Fatal(err)
			}
			own := first
			test.change(&own)
			_, err := c.Do(context.Background(), restart(), "order-1", own)
			if !errors.Is(err, retrysafe.ErrKeyReused) || !strings.Contains(err.Error(), "key is bound to another request: "+test.want) {
				t.Errorf("want %s: %v", test.want, err)
			}
			if texts := strings.Join(everyPrint(t, asError(t, err)), " "); strings.Contains(texts, "CANARY") {
				t.Errorf("text has a value: %s", texts)
			}
		})
	}
}

func TestAReusedIDDoesNotSayThatVolatileFieldsDiffer(t *testing.T) {
	for body, volatile := range map[retrysafe.Encoding][]string{
		retrysafe.JSON: {"/sent", "/meta", "header:X-Version", "query:limit"},
		retrysafe.Form: {"sent", "meta[order]", "header:X-Version", "query:limit"},
	} {
		storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
			c := command[reusing](body, "/v1/charges/{charge}")
			c.Name, c.Volatile = "charges.update", volatile
			ctx := context.Background()
			first := reusing{Charge: "ch_1", Limit: "1", Version: "1", Amount: "1", Meta: map[string]string{"order": "1"}, Sent: 1}
			if _, err := c.Do(ctx, restart(), "order-1", first); retrysafe.OutcomeOf(err) != retrysafe.Applied {
				t.Fatal(err)
			}
			own := reusing{Charge: "ch_1", Limit: "2", Version: "2", Amount: "1", Meta: map[string]string{"order": "2"}, Sent: 2}
			if _, err := c.Do(ctx, restart(), "order-1", own); retrysafe.OutcomeOf(err) != retrysafe.Applied || errors.Is(err, retrysafe.ErrKeyReused) {
				t.Fatalf("only volatile fields differ: %v", err)
			}
			own.Amount = "2"
			_, err := c.Do(ctx, restart(), "order-1", own)
			want := "request: /amount differs"
			if body == retrysafe.Form {
				want = "request: amount differs"
			}
			if !errors.Is(err, retrysafe.ErrKeyReused) || !strings.Contains(err.Error(), want) {
				t.Errorf("want %s: %v", want, err)
			}
		})
	}
}

// TestAReusedIDSaysThatTheRecordIsOfAnotherEncoding: what is volatile cannot be
// cut out of a body that is not JSON, and the rest is still left out.
func TestAReusedIDSaysThatTheRecordIsOfAnotherEncoding(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		c := command[reusing](retrysafe.Form, "/v1/charges/{charge}")
		ctx := context.Background()
		if _, err := c.Do(ctx, restart(), "order-1", reusing{Charge: "ch_1", Version: "1", Sent: 1}); retrysafe.OutcomeOf(err) != retrysafe.Applied {
			t.Fatal(err)
		}
		c.Body, c.Volatile = retrysafe.JSON, []string{"/sent", "header:X-Version"}
		_, err := c.Do(ctx, restart(), "order-1", reusing{Charge: "ch_1", Version: "2", Sent: 2})
		if !errors.Is(err, retrysafe.ErrKeyReused) || !strings.Contains(err.Error(), "request: body, header:Content-Type differ") {
			t.Error(err)
		}
	})
}

func TestAReusedIDSaysThatTheIdentityDiffers(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		invoice := "CANARY-1"
		c := createCharge
		c.Identity = func(charge) []any { return []any{invoice} }
		ctx := context.Background()
		if _, err := c.Do(ctx, restart(), "order-1", charge{Amount: 4200}); err != nil {
			t.Fatal(err)
		}
		invoice = "CANARY-2"
		_, err := c.Do(ctx, restart(), "order-1", charge{Amount: 4200})
		if !errors.Is(err, retrysafe.ErrKeyReused) || !strings.Contains(err.Error(), "request: identity differs") {
			t.Error(err)
		}
		checkNoCanary(t, err.Error())
	})
}

func TestTheTextOfAReusedIDBeginsWithItsSentinel(t *testing.T) {
	for want, fields := range map[string][]string{
		"key is bound to another request":                                  nil,
		"key is bound to another request: amount differs":                  {"amount"},
		"key is bound to another request: amount, currency differ":         {"amount", "currency"},
		"key is bound to another request: a, b, and 3 more differ":         {"a", "b", "and 3 more"},
		"key is bound to another request: /amount, {charge}, query differ": {"/amount", "{charge}", "query"},
	} {
		err := retrysafe.ReusedError(fields...)
		if err.Error() != want || !errors.Is(err, retrysafe.ErrKeyReused) || !strings.HasPrefix(want, retrysafe.ErrKeyReused.Error()) {
			t.Errorf("%q, want %q", err, want)
		}
	}
}
