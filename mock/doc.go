// Package mock is a fake payment provider for tests: it really dedupes by
// idempotency key over one ledger of effects, fails where a script says, on
// either side of the effect, and then tells what took place.
//
// "The charge went through and the answer was lost" is one line to set up and
// one to assert:
//
//	func TestCheckoutSurvivesALostAnswer(t *testing.T) {
//		p := mock.StartProvider(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}})
//		key := checkout(t, p.URL(), "order-1234") // the code under test
//		p.OneEffect(t, key)
//		p.Attempts(t, key, 2)
//	}
//
// # Four ways in
//
// One [Provider] is a server on a loopback port ([StartProvider],
// [Provider.URL]), an http.Handler for a server of your own, an
// http.RoundTripper that needs no socket ([Provider.Client]), and a responder
// for github.com/jarcoal/httpmock ([Provider.Responder]). All of them act on
// the same ledger, script and log.
//
// Without a socket it behaves as net/http's Transport does, down to the
// httptrace hooks and the errors, and works in testing/synctest bubbles. Over a
// socket the connection is really reset, and Transport does what it does only
// there: it sends a keyed request again by itself when a connection that it
// used before breaks. So requests counted here are what reached the provider,
// which can be more than what a client believes to have sent.
//
// # Faults
//
// A [Fault] is before the effect (Refuse, ResetBeforeEffect, KeyInFlight,
// TooManyRequests, Unavailable, Answer, StallBeforeEffect) or after it
// (LoseAnswer, ResetAfterEffect, CutHead, CutBody, FailAfterEffect,
// StallAfterEffect). DeliverLate is the request that arrives when its caller
// has given up. [Options.Script] lists them by attempt, [Options.PerKey] gives
// every key a script of its own.
//
// # Responders
//
// [Sequence], [LostAnswer], [InFlight], [Mismatch], [Replay], [RetryAfter],
// [Timeout] and the others are for tests that use httpmock and want one answer
// rather than a provider.
//
// # What it does not do
//
// It knows nothing of cards and amounts: what an operation does is
// [Options.Effect]. It is written from the providers' documentation, and where
// that is silent it says so; it is no proof of what a real provider does. It
// keeps everything in memory, and its memory grows with keys and effects.
package mock
