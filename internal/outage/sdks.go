package main

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stripe/stripe-go/v86"
)

// awsSQS sends messages.
func awsSQS(url string, transport http.RoundTripper) (call, error) {
	client := sqs.New(sqs.Options{
		Region: "eu-central-1", BaseEndpoint: &url, HTTPClient: &http.Client{Transport: transport},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "none", SecretAccessKey: "none"}, nil
		}),
	})
	queue := url + "/1/charges.fifo"
	return func(ctx context.Context, id, key string) error {
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl: &queue, MessageBody: &id, MessageDeduplicationId: &key, MessageGroupId: &id,
		}, sqs.WithAPIOptions(smithyhttp.SetHeaderValue("Idempotency-Key", key)))
		return err
	}, nil
}

func openAI(url string, transport http.RoundTripper) (call, error) {
	client := openai.NewClient(
		option.WithBaseURL(url), option.WithAPIKey("none"), option.WithHTTPClient(&http.Client{Transport: transport}),
	)
	return func(ctx context.Context, _, key string) error {
		var answer struct{ ID string }
		return client.Post(ctx, path, order, &answer, option.WithHeader("Idempotency-Key", key))
	}, nil
}

// stripeGo has a backend for each client: the default one is shared by all of a
// process, and reports on its requests.
func stripeGo(url string, transport http.RoundTripper) (call, error) {
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: &url, HTTPClient: &http.Client{Transport: transport},
		EnableTelemetry: stripe.Bool(false), LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	client := stripe.NewClient("sk_test_none", stripe.WithBackends(&stripe.Backends{API: backend}))
	return func(ctx context.Context, _, key string) error {
		params := &stripe.ChargeCreateParams{Amount: stripe.Int64(1200), Currency: stripe.String("eur")}
		params.SetIdempotencyKey(key)
		_, err := client.V1Charges.Create(ctx, params)
		return err
	}, nil
}
