module github.com/retrysafe/retrysafe/internal/sdks

go 1.26.0

replace github.com/retrysafe/retrysafe => ../..

require (
	github.com/openai/openai-go/v3 v3.96.0
	github.com/plaid/plaid-go/v41 v41.0.0
	github.com/plutov/paypal/v4 v4.8.0
	github.com/retrysafe/retrysafe v0.0.0-00010101000000-000000000000
	github.com/stripe/stripe-go/v86 v86.1.0
	github.com/twilio/twilio-go v1.31.0
)

require (
	github.com/coder/websocket v1.8.15 // indirect
	github.com/golang/mock v1.6.0 // indirect
	github.com/golang/protobuf v1.5.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/jarcoal/httpmock v1.4.2 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/tidwall/gjson v1.20.0 // indirect
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.2.1 // indirect
	github.com/tidwall/sjson v1.2.5 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/oauth2 v0.0.0-20220822191816-0ebed06d0094 // indirect
	google.golang.org/appengine v1.6.7 // indirect
	google.golang.org/protobuf v1.28.1 // indirect
)
