// Package provider has the profiles of payment providers and shops: what each
// promises about idempotency keys and what its answers mean, as data, with the
// source of every fact beside it.
//
//	client, err := retrysafe.NewClient("https://api.stripe.com", &retrysafe.Options{
//		Profile: provider.Stripe(),
//		Account: "acme/stripe/live",
//	})
//
// Every function returns a new value. What differs for one account or endpoint
// is changed in it before a client is built, or given to a command alone:
//
//	orders := provider.Square()
//	orders.Key.MaxLength = 192
//	var createOrder = retrysafe.Command[Order, Created]{Name: "orders.create", Path: "/v2/orders", Profile: &orders}
//
// # Endpoints that take no key
//
// Most providers honour a key at some endpoints only, and a profile cannot see
// which. A command for one that does not honour it needs [Keyless] of the
// profile: its request would else be taken to be safe to send again.
//
// # How to write a profile
//
// A profile is a [retrysafe.Profile] with as much as the provider's
// documentation says, and nothing else. Leave out what it does not say: the
// zero value of every field is the safe reading.
//
//  1. Key: where it goes, at which methods, how long it may be and of which
//     characters. Derived keys are UUIDs where these fit.
//  2. Window: how long a key is kept, less a margin. It stays zero if the
//     provider does not say.
//  3. Rules, from the most special to the most general, because the first that
//     applies decides: what is in flight (Wait), what is another request under
//     the same key (Mismatch), which refusals are stored under the key (Refused
//     with Stored), what is to be tried again (Again), what will never change
//     (Stuck). Where no rule applies, RFC 9110 decides.
//  4. Stored, NotRun and LookedUp are promises to the application that nothing
//     has happened. Set one only if the documentation makes that promise.
//  5. Code, Message and RequestID: where an error says what it is.
//
// Ask of every status the same five questions: may it mean that the request is
// still running, that it ran, that it was refused before or after the key was
// looked up, that another request has the key, or that a proxy in front answered?
// Where one status means several things give a rule the code in the body too. If a
// body like that cannot be read, the answer is left in doubt.
//
// NewClient refuses a profile that contradicts itself and rules that an earlier
// one hides.
//
// # What it does not do
//
// Nothing here has been tried against the providers themselves: profiles are
// written from their documentation and their own SDKs, at the time given by
// those. Where these do not say how something ends, the comment says so and the
// profile leaves it in doubt.
package provider
