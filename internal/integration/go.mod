module github.com/retrysafe/retrysafe/internal/integration

go 1.26

require (
	github.com/retrysafe/retrysafe v0.0.0-00010101000000-000000000000
	golang.org/x/net v0.55.0
)

require (
	github.com/google/uuid v1.6.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	golang.org/x/text v0.37.0 // indirect
)

replace github.com/retrysafe/retrysafe => ../..
