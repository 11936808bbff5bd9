module github.com/retrysafe/retrysafe/internal/sdks

go 1.26.0

replace github.com/retrysafe/retrysafe => ../..

require (
	github.com/retrysafe/retrysafe v0.0.0-00010101000000-000000000000
	github.com/stripe/stripe-go/v86 v86.1.0
)

require (
	github.com/google/uuid v1.6.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/jarcoal/httpmock v1.4.2 // indirect
	github.com/openai/openai-go/v3 v3.96.0
	github.com/plaid/plaid-go/v41 v41.0.0
	github.com/plutov/paypal/v4 v4.8.0
	github.com/stretchr/testify v1.8.0 // indirect
	github.com/twilio/twilio-go v1.31.0
	golang.org/x/sys v0.48.0 // indirect
)
