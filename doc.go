// Package retrysafe calls payment and other APIs so that every logical
// operation takes effect at most once, and the caller always learns how it
// ended: applied, not applied, or unknown.
//
// # A call
//
// Declare a call that has an effect once, as a [Command], and perform it with
// an ID out of your own business data:
//
//	var createCharge = retrysafe.Command[Charge, Charged]{Name: "charges.create", Path: "/v1/charges"}
//
//	res, err := createCharge.Do(ctx, client, "order-1234", Charge{Amount: 4200, Currency: "eur"})
//
// Account, command name and ID give the idempotency key, by a fixed formula
// ([DeriveKey]): the same in every attempt, every call again, after a crash, in
// every process. One ID stands for one intent and payload. A corrected payment
// is a new operation, named after the business's own new fact
// ("order-1234/pm-9f3") and begun when the old one is not applied.
//
// A call without an effect is a [Query]; it needs no ID.
//
// # How it ended
//
// [OutcomeOf] says it of the error that Do returned:
//
//   - [Applied]: the provider has taken the request, once, and has said so. A nil
//     error means it, and an *[Error] may: the answer was lost then. Whether the
//     payment is processing, or was declined in a 2xx, is in the answer. Send
//     nothing more.
//   - [NotApplied]: no effect, and nothing that was sent can still have one. A new
//     operation may be begun.
//   - [Unknown]: first the truth. If [Retryable], call again under the same ID;
//     else look at the provider.
//
// The outcome is of the operation, not of this call: a call that sent nothing
// does not make unsent what an earlier one may have sent. Error.ThisCall says
// what this call did, and Call.First promises that there was no earlier one.
//
// # What happens on the way
//
// The request is encoded once; every attempt sends the same bytes under the
// same key. Each attempt has a time limit of its own, and its answer is read
// whole and within bounds. net/http sends some requests a second time without
// telling anybody: a trace around the innermost transport sees, counts and
// limits that. Every answer is judged by the command's rules, the provider's
// [Profile] and RFC 9110, in this order: what to do next, and for which
// deliveries it speaks. Before a wait it is decided whether it can end in
// time; if not, the call ends at once, with the server's error and the time at
// which to come back.
//
// # What outlives the call
//
// With Options.Store every operation is written down before its first byte is
// sent: its request without credentials, then its answer, or that nobody knows
// how it ended. Called again, by any process that shares the store, it gives the
// recorded answer and sends nothing, waits for whoever is at work on it, or
// carries on with the recorded bytes and the same key while the provider still
// knows that key. [Client.Run] does the same for what nobody calls again, and
// what must not be sent any more it asks [Handlers].Reconcile about. Once a
// caller has been told NotApplied, nothing sends that operation again unless the
// application asks again, or an operator reopens it. Command.Enqueue writes an
// operation down for later, in the caller's own transaction if it likes.
//
// # What is not promised
//
// Exactly once in somebody else's system. A provider that honours a key makes
// it at most once while it keeps the key. Where no key is on the wire nothing
// is sent again after doubt, unless the command says that a repeat does no harm
// (Command.Rerun) or carries a precondition that an effect would make fail.
// Without a store the key survives a crash, the memory of having called does
// not.
//
// # Secrets
//
// Credentials go on a request by Options.Authorize, in every attempt, and are
// kept nowhere. Errors, results and logs print without keys, headers, queries
// and bodies.
package retrysafe
