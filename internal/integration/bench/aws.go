package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/uuid"
)

// aws makes the call as the generated clients of aws-sdk-go-v2 make theirs: a
// stack of middleware for every call, with the standard retryer, which all
// calls share. There is no signing and no endpoint to be resolved.
func (t target) aws() func(context.Context) error {
	client, retryer, url := t.limited(), retry.NewStandard(), t.url()
	return func(ctx context.Context) error {
		stack := middleware.NewStack("CreateCharge", smithyhttp.NewStackRequest)
		if err := stack.Serialize.Add(middleware.SerializeMiddlewareFunc("Serializer", serialize(url)), middleware.After); err != nil {
			return err
		}
		if err := stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("Signing", unsigned), middleware.After); err != nil {
			return err
		}
		if err := retry.AddRetryMiddlewares(stack, retry.AddRetryMiddlewaresOptions{Retryer: retryer}); err != nil {
			return err
		}
		if err := stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Deserializer", deserialize), middleware.After); err != nil {
			return err
		}
		out, _, err := middleware.DecorateHandler(smithyhttp.NewClientHandlerWithOptions(client), stack).Handle(ctx, theCharge)
		if err != nil {
			return err
		}
		return checked(*out.(*charged), http.StatusOK, nil)
	}
}

func serialize(url string) func(context.Context, middleware.SerializeInput, middleware.SerializeHandler) (middleware.SerializeOutput, middleware.Metadata, error) {
	return func(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (out middleware.SerializeOutput, m middleware.Metadata, err error) {
		body, err := json.Marshal(in.Parameters)
		if err != nil {
			return out, m, err
		}
		req := in.Request.(*smithyhttp.Request)
		if req, err = req.SetStream(bytes.NewReader(body)); err != nil {
			return out, m, err
		}
		to, err := http.NewRequest(http.MethodPost, url, nil)
		if err != nil {
			return out, m, err
		}
		req.Method, req.URL = to.Method, to.URL
		label(req.Header, uuid.NewString())
		in.Request = req
		return next.HandleSerialize(ctx, in)
	}
}

// unsigned stands where the retryer looks for the signer, to be put before it.
func unsigned(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	return next.HandleFinalize(ctx, in)
}

func deserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, m, err := next.HandleDeserialize(ctx, in)
	if err != nil {
		return out, m, err
	}
	resp := out.RawResponse.(*smithyhttp.Response)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return out, m, fmt.Errorf("status %d", resp.StatusCode)
	}
	got := &charged{}
	out.Result = got
	return out, m, json.NewDecoder(resp.Body).Decode(got)
}
