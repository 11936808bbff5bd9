package provider

import (
	"net/http"

	"github.com/retrysafe/retrysafe"
)

// ShopifyGraphQL returns the profile of Shopify's GraphQL Admin API, for the
// mutations that take the directive @idempotent: from version 2026-04 on it is
// mandatory for some, at run time and unseen in the schema. Give commands for
// other mutations [Keyless] of this profile.
//
// The directive takes its key from a variable. Declare it as idempotencyKey, use
// it in the directive of the one mutation that the document has, and leave it out
// of the variables, which must be there as an object: the client puts it in.
//
//	mutation Refund($input: RefundInput!, $idempotencyKey: String!) {
//	  refundCreate(input: $input) @idempotent(key: $idempotencyKey) {
//	    refund { id }
//	    userErrors { field message }
//	  }
//	}
//
// Ask for userErrors, and for their code where they have one: what is not asked
// for cannot be judged, and a mutation that was refused would look as if it had
// been taken. A mutation that calls them otherwise, or that carries out a part
// of the request beside errors, needs Command.Rules.
//
// How long keys are kept stands on a part of Shopify's page that was not read (a
// third party says 24 hours), so there is no window.
func ShopifyGraphQL() retrysafe.Profile {
	return retrysafe.Profile{
		Name: "shopify/graphql",
		// shopify.dev/docs/api/usage/idempotent-requests: the directive and its
		// argument; a UUID is recommended. That an argument may be a variable is
		// of the language (spec.graphql.org/October2021, section 2.12).
		Key: retrysafe.KeyRules{
			Place: retrysafe.KeyInBody, Field: "/variables/idempotencyKey",
			Methods: []string{http.MethodPost},
		},
		// shopify.dev/docs/api/usage/implementing-idempotency: the code
		// IDEMPOTENCY_KEY_PARAMETER_MISMATCH.
		ComparesPayload: true,
		Rules:           shopifyRules(),
		Code:            []string{"/data/*/userErrors/*/code", "/errors/*/extensions/code"},
		Message:         []string{"/data/*/userErrors/*/message", "/errors/*/message"},
	}
}

// shopifyRules read the body of a 200, which says by itself nothing but that
// there is one. Every other status fares by RFC 9110.
func shopifyRules() []retrysafe.Rule {
	const (
		userErrors = "/data/*/userErrors/*"
		code       = "/errors/*/extensions/code"
	)
	return []retrysafe.Rule{
		// shopify.dev/docs/api/usage/implementing-idempotency, for any mutation.
		// That they come under 200 is inferred from GraphQL over HTTP.
		{Status: 200, At: userErrors + "/code", Is: "IDEMPOTENCY_CONCURRENT_REQUEST", Verdict: retrysafe.Wait},
		{Status: 200, At: userErrors + "/code", Is: "IDEMPOTENCY_KEY_PARAMETER_MISMATCH", Verdict: retrysafe.Mismatch},
		// Any other error of the user's: the mutation was not carried out. Whether
		// that is stored under the key is not documented, so it speaks for its
		// delivery alone.
		{Status: 200, At: userErrors, Verdict: retrysafe.Refused},

		// shopify.dev/api/payments-apps, status and error codes "common to
		// Shopify": THROTTLED is to GraphQL what 429 is to REST, and
		// INTERNAL_SERVER_ERROR what 500 is. MAX_COST_EXCEEDED is decided by the
		// cost of a document, before it is run.
		{Status: 200, At: code, Is: "THROTTLED", Verdict: retrysafe.Again, NotRun: true},
		{Status: 200, At: code, Is: "INTERNAL_SERVER_ERROR", Verdict: retrysafe.Again},
		{Status: 200, At: code, Is: "MAX_COST_EXCEEDED", Verdict: retrysafe.Refused},
		// An error may be of one field of the answer to a mutation that ran
		// (spec.graphql.org/October2021, section 7.1.2), and stays as it is.
		{Status: 200, At: "/errors/*", Verdict: retrysafe.Stuck},

		// An answer has data, or it is not GraphQL's.
		{Status: 200, At: "/data", Verdict: retrysafe.Done},
		{Status: 200, StatusTo: 299, Verdict: retrysafe.Again},
	}
}
