package retrysafe_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
)

func TestOutcome_DoneAndElsewhereAreApplied(t *testing.T) {
	tell(t,
		story{name: "done", scenes: []scene{yes()}, outcome: applied},
		story{name: "done after doubt", scenes: []scene{lost(), unavailable(), yes()}, outcome: applied},
		story{name: "done after a repeated delivery", scenes: []scene{repeated(yes())}, outcome: applied},
		story{name: "done after in flight", scenes: []scene{inFlight(), inFlight(), yes()}, outcome: applied},
		story{name: "elsewhere", profile: ruled(), scenes: []scene{linked("/v1/charges/ch_1"), yes().asking()}, outcome: applied},
		story{name: "elsewhere after doubt", profile: ruled(), scenes: []scene{lost(), linked("/v1/charges/ch_1"), yes().asking()}, outcome: applied},
		story{name: "elsewhere, and the link leads away", profile: ruled(), scenes: []scene{linked("https://evil.test/ch_1")}, more: true,
			outcome: applied, evidence: retrysafe.EvidenceDone, is: isLost, retryable: true},
		story{name: "elsewhere, and there is nothing at the link", profile: ruled(),
			scenes:  []scene{linked("/v1/charges/ch_1"), replies(meaning{}, 404, `{}`).asking()},
			outcome: applied, evidence: retrysafe.EvidenceDone, is: isLost, retryable: true},
	)
}

func TestOutcome_ARefusalThatSpeaksForTheKeyIsNotApplied(t *testing.T) {
	row := story{profile: ruled(), outcome: notApplied, evidence: retrysafe.EvidenceRefused, is: isRefused, more: true}
	tell(t,
		row.with("at once", declined()),
		row.with("after doubt", lost(), unavailable(), declined()),
		row.with("after a repeated delivery", repeated(declined())),
		row.with("after in flight", inFlight(), declined()),
		row.with("after a page that is not the provider's", airport(), declined()),
	)
}

func (s story) with(name string, scenes ...scene) story {
	s.name, s.scenes = name, scenes
	return s
}

func (s story) calling(call retrysafe.Call) story {
	s.call = call
	return s
}

func TestOutcome_ARefusalForItsDeliveryAloneIsNotAppliedOnlyIfNoOtherCanHaveRun(t *testing.T) {
	nothing := story{call: first, outcome: notApplied, evidence: retrysafe.EvidenceNothingRan, is: isRefused, more: true}
	earlier := story{outcome: unknown, this: notApplied, evidence: retrysafe.EvidenceEarlierCall, is: isRefused, more: true}
	doubt := story{call: first, outcome: unknown, evidence: retrysafe.EvidenceDoubt, is: isRefused, more: true}
	tell(t,
		nothing.with("first call", bad()),
		nothing.with("first call, after 429", tooMany(), bad()),
		nothing.with("first call, after an attempt that was not sent", unsent(), unauthorizedNow()),
		earlier.with("not known to be the first call", bad()),
		earlier.with("not known to be the first call, after 429", tooMany(), bad()),
		doubt.with("first call, after doubt", lost(), bad()),
		doubt.with("first call, after 503", unavailable(), bad()),
		doubt.with("first call, after in flight", inFlight(), bad()),
		doubt.with("after doubt", lost(), bad()).calling(retrysafe.Call{}),
		doubt.with("422 after doubt, which may be a mismatch", lost(), replies(refusedAlone, 422, `{}`)),
		doubt.with("first call, after a repeated delivery", repeated(bad())),
		doubt.with("first call, after doubt and 429", lost(), tooMany(), bad()),
	)
}

func TestOutcome_NothingSentIsNotAppliedOnlyIfThereWasNoEarlierCall(t *testing.T) {
	row := story{outcome: notApplied, evidence: retrysafe.EvidenceNothingRan, is: isExhausted, retryable: true, noResult: true}
	earlier := row
	earlier.outcome, earlier.this, earlier.evidence = unknown, notApplied, retrysafe.EvidenceEarlierCall
	tell(t,
		row.with("first call", unsent(), unsent()).calling(first),
		earlier.with("not known to be the first call", unsent(), unsent()),
	)
}

func TestOutcome_ACallThatIsOverBeforeItBeganSendsNothing(t *testing.T) {
	for _, call := range []retrysafe.Call{{}, first} {
		client, err := retrysafe.NewClient("https://api.test", &retrysafe.Options{HTTPClient: &http.Client{
			Transport: playedTrip(func(*http.Request) (*http.Response, error) {
				t.Error("sent")
				return nil, errHungUp
			}),
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errHungUp)
		_, err = createCharge.With(call).Do(ctx, client, "order-1234", charge{})
		want := unknown
		if call.First {
			want = notApplied
		}
		var e *retrysafe.Error
		if !errors.As(err, &e) || e.Outcome != want || e.ThisCall != notApplied || !errors.Is(err, errHungUp) {
			t.Errorf("first %t: %+v", call.First, err)
		}
	}
}

func TestOutcome_ARefusalAfterTheLookUpEndsADoubtThatIsOldEnough(t *testing.T) {
	ended := story{profile: ruled(), call: first, outcome: notApplied, evidence: retrysafe.EvidenceAgedRefusal, is: isRefused, more: true}
	doubt := story{profile: ruled(), call: first, outcome: unknown, evidence: retrysafe.EvidenceDoubt, is: isRefused, more: true}
	earlier := story{profile: ruled(), outcome: unknown, this: notApplied, evidence: retrysafe.EvidenceEarlierCall, is: isRefused, more: true}
	tell(t,
		ended.with("older than the longest execution", unavailable().advising("31"), invalidNow()),
		ended.with("the last of several is older", lost(), unavailable().advising("31"), invalidNow()),
		ended.with("a repeated one is older", repeated(tooMany()).advising("31"), invalidNow()),
		earlier.with("older, but an earlier call is possible", unavailable().advising("31"), invalidNow()),
		doubt.with("as old as the longest execution", unavailable().advising("30"), invalidNow()),
		doubt.with("the first of several is older, the last is not", unavailable().advising("31"), lost(), invalidNow()),
		doubt.with("it ended long after it began", unavailable().taking(time.Minute), invalidNow()),
		doubt.with("it became old while the answer was under way", unavailable().advising("1"), invalidNow().taking(time.Minute)),
		doubt.with("another one in the very attempt", unavailable().advising("31"), repeated(invalidNow())),
		doubt.with("401, which may come from before the look-up", unavailable().advising("31"), unauthorizedNow()),
		doubt.with("403, which may come from before the look-up", unavailable().advising("31"), replies(refusedAlone, 403, `{}`)),
		doubt.with("307, which may come from before the look-up", unavailable().advising("31"), replies(refusedAlone, 307, `{}`)),
	)
	tell(t, story{name: "429 ends no doubt", profile: ruled(), call: first, scenes: []scene{unavailable().advising("31"), tooMany()},
		outcome: unknown, evidence: retrysafe.EvidenceDoubt, is: isExhausted, retryable: true})
}

func TestOutcome_DoubtDoesNotAgeWithoutAPromise(t *testing.T) {
	var tally retrysafe.Tally
	start := time.Unix(1_000_000, 0)
	tally.Add(retrysafe.Fact{Doubtful: 1, Start: start, At: start}, 0)
	tally.Add(retrysafe.Fact{Judgement: meaning{Verdict: retrysafe.Refused, LookedUp: true}, Start: start.AddDate(1, 0, 0), At: start.AddDate(1, 0, 0)}, 0)
	if outcome, evidence := tally.Outcome(true); outcome != unknown || tally.ThisCall() != unknown {
		t.Errorf("%v (%s), want unknown", outcome, evidence)
	}
}

func TestOutcome_AgainWhenTheLoopStopped(t *testing.T) {
	notRun := story{call: first, outcome: notApplied, evidence: retrysafe.EvidenceNothingRan, is: isExhausted, retryable: true}
	earlier := story{outcome: unknown, this: notApplied, evidence: retrysafe.EvidenceEarlierCall, is: isExhausted, retryable: true}
	doubt := story{call: first, outcome: unknown, evidence: retrysafe.EvidenceDoubt, is: isExhausted, retryable: true}
	unanswered := notRun
	unanswered.noResult = true
	lostAll := doubt
	lostAll.noResult = true
	tell(t,
		notRun.with("421", replies(againNotRun, 421, `{}`)),
		notRun.with("425", replies(againNotRun, 425, `{}`)),
		notRun.with("429 again and again", tooMany(), tooMany(), tooMany()),
		unanswered.with("refused by protocol", unprocessed(), unprocessed()),
		unanswered.with("not sent", unsent()),
		notRun.with("any of them", unsent(), unprocessed(), tooMany()),
		earlier.with("429, not known to be the first call", tooMany()),
		doubt.with("408", replies(againInDoubt, 408, `{}`)),
		doubt.with("500", replies(againInDoubt, 500, `{}`)),
		doubt.with("503", unavailable(), unavailable()),
		doubt.with("503 before 429", unavailable(), tooMany()),
		doubt.with("429 after a repeated delivery", repeated(tooMany())),
		lostAll.with("never answered", lost(), lost()),
		lostAll.with("not answered, then not sent", lost(), unsent()),
		lostAll.with("refused by protocol after a repeated delivery", repeated(lost())),
	)
}

func TestOutcome_WaitPutsTheKeyInDoubt(t *testing.T) {
	row := story{call: first, outcome: unknown, evidence: retrysafe.EvidenceInFlight, retryable: true,
		is: []error{retrysafe.ErrAttemptsExhausted, retrysafe.ErrInFlight}}
	tell(t,
		row.with("at the first delivery of the first call", inFlight()),
		row.with("again and again", inFlight(), inFlight()),
		row.with("after doubt", lost(), inFlight()),
		story{name: "without waiting", call: retrysafe.Call{First: true, NoWait: true}, scenes: []scene{inFlight()}, more: true,
			outcome: unknown, evidence: retrysafe.EvidenceInFlight, retryable: true, is: []error{retrysafe.ErrInFlight}},
		story{name: "before 429", call: first, scenes: []scene{inFlight(), tooMany()},
			outcome: unknown, evidence: retrysafe.EvidenceDoubt, retryable: true, is: isExhausted},
	)
}

func TestOutcome_AMismatchSaysNothingOfTheOperation(t *testing.T) {
	row := story{profile: ruled(), outcome: unknown, this: notApplied, evidence: retrysafe.EvidenceMismatch, more: true,
		is: []error{retrysafe.ErrKeyReused}}
	inDoubt := row
	inDoubt.this = unknown
	tell(t,
		row.with("not known to be the first call", mismatched()),
		row.with("first call", mismatched()).calling(first),
		inDoubt.with("after doubt", lost(), mismatched()).calling(first),
		inDoubt.with("after a repeated delivery", repeated(mismatched())).calling(first),
	)
}

func TestOutcome_GoneAndStuckAreUnknown(t *testing.T) {
	gone := story{profile: ruled(), call: first, outcome: unknown, evidence: retrysafe.EvidenceExpired, more: true, is: []error{retrysafe.ErrKeyExpired}}
	stopped := story{profile: ruled(), call: first, outcome: unknown, evidence: retrysafe.EvidenceStuck, more: true, is: []error{retrysafe.ErrStuck}}
	tell(t,
		gone.with("gone", expired()),
		gone.with("gone after doubt", lost(), expired()),
		stopped.with("stuck by a stored error", failedForGood()),
		stopped.with("stuck after doubt", lost(), failedForGood()),
		stopped.with("303", replies(stuck, 303, `{}`)),
		stopped.with("418", replies(stuck, 418, `{}`)),
		stopped.with("412 without doubt, which is nobody's echo", replies(meaning{Verdict: retrysafe.Stuck, Echo: true}, 412, `{}`)),
	)
}

func TestOutcome_AnEchoAfterDoubtIsUnknownWithTheOwnEffectLikely(t *testing.T) {
	row := story{call: first, outcome: unknown, evidence: retrysafe.EvidenceOwnEffect, more: true, is: isRefused}
	ruledRow, deleting, conditional := row, row, row
	ruledRow.profile, deleting.method = ruled(), http.MethodDelete
	conditional.is = []error{retrysafe.ErrStuck}
	rerun := row
	rerun.profile, rerun.rerun = keyless(), true
	plain := story{call: first, outcome: notApplied, evidence: retrysafe.EvidenceNothingRan, more: true, is: isRefused}
	plainRuled, plainDeleting, plainKeyless := plain, plain, plain
	plainRuled.profile, plainDeleting.method, plainKeyless.profile = ruled(), http.MethodDelete, keyless()
	tell(t,
		ruledRow.with("already captured", lost(), captured()),
		ruledRow.with("already captured, after a repeated delivery", repeated(captured())),
		deleting.with("404 on DELETE", unavailable(), replies(refusedEcho, 404, `{}`)),
		deleting.with("410 on DELETE", lost(), replies(refusedEcho, 410, `{}`)),
		conditional.with("412", lost(), replies(meaning{Verdict: retrysafe.Stuck, Echo: true}, 412, `{}`)),
		rerun.with("409 without a key", lost(), replies(refusedEcho, 409, `{}`)),
		plainRuled.with("already captured, without doubt", captured()),
		plainDeleting.with("404 on DELETE, without doubt", tooMany(), replies(refusedEcho, 404, `{}`)),
		plainKeyless.with("409 without a key, without doubt", replies(refusedEcho, 409, `{}`)),
	)
	named := ruled()
	named.Rules = []retrysafe.Rule{{Status: 409, At: "/made_by_key", Is: "true", Verdict: retrysafe.Done}}
	named.ComparesPayload = false
	tell(t, story{name: "the profile says that the code names what this key made", profile: named,
		scenes: []scene{lost(), replies(done, 409, `{"made_by_key":true,"id":"ch_1","amount":4200}`)}, outcome: applied})
}

func TestOutcome_AnAnswerLostIsAppliedAndWonBackOrNot(t *testing.T) {
	lostFor := story{outcome: applied, evidence: retrysafe.EvidenceDone, retryable: true, is: isLost}
	exhausted := lostFor
	exhausted.is = []error{retrysafe.ErrAnswerLost, retrysafe.ErrAttemptsExhausted}
	final := lostFor
	final.more, final.retryable = true, false
	noReplay, noKey := final, final
	noReplay.profile, noKey.profile = withoutReplay(), keyless()
	tell(t,
		story{name: "cut, and won back", scenes: []scene{yesCut(), yes()}, outcome: applied},
		story{name: "undecodable, and won back", scenes: []scene{yesUndecodable(), yes()}, outcome: applied},
		story{name: "too long, and won back", scenes: []scene{replies(doneLost, 201, strings.Repeat(" ", 8<<20+1)), yes()}, outcome: applied},
		story{name: "cut, and won back after a while", scenes: []scene{yesCut(), lost(), unavailable(), inFlight(), yes()}, outcome: applied},
		exhausted.with("cut each time", yesCut(), cut(doneLost, 201, `{`)),
		exhausted.with("cut, then 503", yesCut(), unavailable()),
		exhausted.with("cut, then lost", yesCut(), lost()),
		final.with("the same undecodable answer twice", yesUndecodable(), yesUndecodable()),
		noReplay.with("cut where successes are not replayed", yesCut()),
		noKey.with("cut where there is no key", yesCut()),
	)
}

func TestOutcome_AppliedIsAbsorbing(t *testing.T) {
	row := story{profile: ruled(), outcome: applied, evidence: retrysafe.EvidenceDone, more: true, retryable: true, is: isLost}
	conflict := row
	conflict.evidence, conflict.retryable = retrysafe.EvidenceContradicted, false
	conflict.is = []error{retrysafe.ErrConflict, retrysafe.ErrAnswerLost}
	tell(t,
		row.with("a refusal for its delivery alone", yesCut(), unauthorizedNow()),
		row.with("a refusal after the look-up", yesCut(), lost().advising("31"), invalidNow()),
		row.with("an echo", yesCut(), captured()),
		row.with("a mismatch", yesCut(), mismatched()),
		row.with("gone", yesCut(), expired()),
		row.with("stuck", yesCut(), failedForGood()),
		conflict.with("a refusal that speaks for the key is a conflict", yesCut(), declined()),
		conflict.with("a later one, too", yesCut(), unavailable(), repeated(declined())),
	)
}

func TestOutcome_ASuccessOfAnotherMediaTypeDidNotComeFromTheProvider(t *testing.T) {
	marked := retrysafe.Profile{Marks: []string{"X-Provider"}}
	tell(t,
		story{name: "at the end", call: first, scenes: []scene{airport(), airport()},
			outcome: unknown, evidence: retrysafe.EvidenceDoubt, retryable: true, is: isExhausted},
		story{name: "before done", scenes: []scene{airport(), yes()}, outcome: applied},
		story{name: "before a refusal", call: first, scenes: []scene{airport(), bad()}, more: true,
			outcome: unknown, evidence: retrysafe.EvidenceDoubt, is: isRefused},
		story{name: "with the provider's mark it did", profile: marked, more: true, retryable: false,
			scenes: []scene{replies(doneLost, 200, "<html>", "Content-Type", "text/html", "X-Provider", "1"),
				replies(doneLost, 200, "<html>", "Content-Type", "text/html", "X-Provider", "1")},
			outcome: applied, evidence: retrysafe.EvidenceDone, is: isLost},
	)
}

func TestOutcome_ACommandWithoutAKeyIsNotSentAgainAfterDoubt(t *testing.T) {
	stopped := story{profile: keyless(), call: first, outcome: unknown, evidence: retrysafe.EvidenceDoubt, more: true, is: isNotResent}
	unanswered := stopped
	unanswered.noResult = true
	exempt := retrysafe.Profile{Key: retrysafe.KeyRules{Methods: []string{http.MethodPost}},
		Rules: []retrysafe.Rule{{Status: 423, Verdict: retrysafe.Wait}, {Status: 402, Verdict: retrysafe.Refused, Stored: true}}}
	locked := story{name: "in flight, by a rule for requests with a key", profile: exempt, method: http.MethodDelete, call: first, more: true,
		scenes:  []scene{replies(meaning{Verdict: retrysafe.Wait}, 423, `{}`)},
		outcome: unknown, evidence: retrysafe.EvidenceInFlight, is: []error{retrysafe.ErrNotResent, retrysafe.ErrInFlight}}
	again := retrysafe.Call{First: true, Header: http.Header{"If-Match": {`"v1"`}}}
	anew := retrysafe.Call{First: true, Header: http.Header{"If-None-Match": {"*"}}}
	tell(t,
		unanswered.with("lost", lost()),
		stopped.with("503", unavailable()),
		stopped.with("429 after a repeated delivery", repeated(tooMany())),
		stopped.with("a page that is not the provider's", airport()),
		unanswered.with("not sent, then lost", unsent(), lost()),
		locked,
		story{name: "429 is no doubt", profile: keyless(), scenes: []scene{tooMany(), unsent(), unprocessed(), yes()}, outcome: applied},
		story{name: "unless it may be rerun", profile: keyless(), rerun: true, scenes: []scene{lost(), unavailable(), yes()}, outcome: applied},
		story{name: "unless it has If-Match", profile: keyless(), call: again, scenes: []scene{lost(), yes()}, outcome: applied},
		story{name: "unless it has If-None-Match", profile: keyless(), call: anew, scenes: []scene{unavailable(), yes()}, outcome: applied},
		story{name: "rerun, and a stored refusal speaks for no key", profile: exempt, method: http.MethodDelete, rerun: true, call: first, more: true,
			scenes: []scene{lost(), replies(refusedAlone, 402, `{}`)}, outcome: unknown, evidence: retrysafe.EvidenceDoubt, is: isRefused},
	)
}

func TestOutcome_A402IsNotAppliedWhereNobodyKnowsOfDoubt(t *testing.T) {
	row := story{outcome: notApplied, evidence: retrysafe.EvidenceNothingRan, more: true, is: isRefused}
	doubt := story{call: first, outcome: unknown, evidence: retrysafe.EvidenceDoubt, more: true, is: isRefused}
	tell(t,
		row.with("first call", unpaid()).calling(first),
		row.with("not known to be the first call", unpaid()),
		row.with("after 429", tooMany(), unpaid()),
		row.with("after an attempt that was not sent", unsent(), unpaid()),
		doubt.with("after doubt", lost(), unpaid()),
		doubt.with("after 503", unavailable(), unpaid()),
		doubt.with("after in flight", inFlight(), unpaid()),
		doubt.with("after a repeated delivery", repeated(unpaid())),
	)
}

func TestOutcome_ARepeatedDeliveryStaysInDoubtAfterARefusal(t *testing.T) {
	row := story{call: first, outcome: unknown, evidence: retrysafe.EvidenceDoubt, more: true, is: isRefused}
	for _, status := range []int{400, 401, 403, 404, 422, 307} {
		tell(t, row.with(http.StatusText(status), repeated(replies(refusedAlone, status, `{}`))))
	}
}

func TestOutcome_AQueryHasNoEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := retrysafe.NewClient("https://api.test", &retrysafe.Options{HTTPClient: &http.Client{Transport: playedTrip(lost().trip)}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = retrysafe.Query[retrysafe.None, charged]{Name: "charges.get", Path: "/v1/charges"}.Do(context.Background(), client, retrysafe.None{})
		var e *retrysafe.Error
		if !errors.As(err, &e) || e.Outcome != notApplied || e.ThisCall != notApplied || !retrysafe.Retryable(err) {
			t.Errorf("%+v", err)
		}
	})
}
