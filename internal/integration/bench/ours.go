package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/store"
)

// ours are the command by itself and with what can be added, and a transport
// for calls that are not a command.
func (t target) ours() ([]peer, error) {
	client, err := t.client(retrysafe.Options{})
	if err != nil {
		return nil, err
	}
	counting, err := t.client(retrysafe.Options{Observer: &counter{}})
	if err != nil {
		return nil, err
	}
	logging, err := t.client(retrysafe.Options{Observer: retrysafe.LogTo(slog.New(slog.DiscardHandler))})
	if err != nil {
		return nil, err
	}
	stored, err := t.client(retrysafe.Options{Store: store.NewMemory()})
	if err != nil {
		return nil, err
	}
	under, err := t.under(client)
	if err != nil {
		return nil, err
	}
	same, names := func() string { return "order-1234" }, &numbered{}
	return []peer{
		{ourName, commanded(client, same)},
		{ourName + ", an observer that counts", commanded(counting, same)},
		{ourName + ", LogTo a handler that discards", commanded(logging, same)},
		{ourName + ", store.Memory", commanded(stored, names.next)},
		{ourName + ", NewTransport under http.Client", under},
	}, nil
}

func (t target) client(o retrysafe.Options) (*retrysafe.Client, error) {
	o.Account, o.HTTPClient = account, &http.Client{Transport: t.transport}
	return retrysafe.NewClient(t.base, &o)
}

func commanded(client *retrysafe.Client, id func() string) func(context.Context) error {
	return func(ctx context.Context) error {
		res, err := createCharge.Do(ctx, client, id(), theCharge)
		if err != nil {
			return err
		}
		return checked(res.Value, res.Status, nil)
	}
}

// under calls as net/http does by itself, through a transport that names each
// operation.
func (t target) under(client *retrysafe.Client) (func(context.Context) error, error) {
	named := &retrysafe.TransportOptions{Name: func(*http.Request) (string, string) { return "charges.sdk", "order-1234" }}
	transport, err := retrysafe.NewTransport(client, named)
	if err != nil {
		return nil, err
	}
	h, url := &http.Client{Transport: transport}, t.url()
	return func(ctx context.Context) error {
		body, err := json.Marshal(theCharge)
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Accept", "application/json")
		req.Header.Set("Content-Type", "application/json")
		return decoded(h.Do(req))
	}, nil
}

// counter is the least that an observer can be.
type counter struct{ ended atomic.Int64 }

func (c *counter) OperationStart(ctx context.Context, _ retrysafe.OperationStart) context.Context {
	return ctx
}

func (c *counter) OperationEnd(context.Context, retrysafe.OperationEnd) { c.ended.Add(1) }
