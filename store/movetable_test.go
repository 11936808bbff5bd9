package store_test

import "github.com/retrysafe/retrysafe/store"

// The moves of the table.
func plainCall(o *op) string   { return o.call() }
func waitingCall(o *op) string { return o.call(waiting) }
func otherCall(o *op) string   { return o.call(another) }
func resume(o *op) string      { return o.claim(store.ModeResume) }
func run(o *op) string         { return o.claim(store.ModeResume, runner) }
func reconcile(o *op) string   { return o.claim(store.ModeReconcile, runner) }
func sweep(o *op) string       { return o.claim(store.ModeSweep) }
func plainBegin(o *op) string  { return o.begin(intent()) }
func reopen(o *op) string      { return o.reopen(0) }
func purge(o *op) string       { return o.purge() }
func otherBegin(o *op) string {
	i := intent()
	i.Fingerprint = store.Fingerprint{2}
	return o.begin(i)
}
func holderSays(c store.Completion) func(*op) string {
	return func(o *op) string { return o.complete(c) }
}
func olderSays(c store.Completion) func(*op) string { return func(o *op) string { return o.older(c) } }
func decide(d store.Resolution) func(*op) string {
	return func(o *op) string { return o.resolve(d, 0) }
}
func decideStale(d store.Resolution) func(*op) string {
	return func(o *op) string { return o.resolve(d, -1) }
}

const (
	p = store.StatePending
	h = store.StateInFlight
	s = store.StateSucceeded
	f = store.StateFailed
	u = store.StateUnknown
)

var (
	asSucceeded = store.Resolution{State: s}
	asRefused   = store.Resolution{State: f, Reason: store.ReasonRefused}
	asNotRun    = store.Resolution{State: f, Reason: store.ReasonNotRun, NotRun: true}
	asPending   = store.Resolution{State: p, NotRun: true}
	unproven    = store.Resolution{State: p}
)

// moveTable is the design's table, row by row, and what it leaves out because
// it is not legal.
var moveTable = []struct {
	name   string
	from   func(*op)
	move   func(*op) string
	answer string
	state  store.State
	reason store.Reason
	and    also
}{
	{"absent: begin", absent, plainBegin, "created", p, 0, unsent},
	{"absent: claim", absent, plainCall, "acquired", h, 0, newToken},
	{"absent: resume begins nothing", absent, resume, "absent", 0, 0, nil},
	{"absent: reconcile begins nothing", absent, reconcile, "absent", 0, 0, nil},
	{"absent: sweep begins nothing", absent, sweep, "absent", 0, 0, nil},
	{"absent: resolve", absent, decide(asSucceeded), "absent", 0, 0, nil},
	{"absent: reopen", absent, reopen, "absent", 0, 0, nil},

	{"pending: begin again", pending, plainBegin, "exists", p, 0, unchanged},
	{"pending: begin another", pending, otherBegin, "mismatched", p, 0, unchanged},
	{"pending: claim by a call", pending, plainCall, "acquired", h, 0, newToken},
	{"pending: claim by a runner", pending, run, "acquired", h, 0, newToken},
	{"pending: reconcile", pending, reconcile, "not due", p, 0, unchanged},
	{"pending: sweep", pending, sweep, "not due", p, 0, unchanged},
	{"pending, not due: claim", delayed, plainCall, "not due", p, 0, unchanged},
	{"pending, not due: forced", delayed, func(o *op) string { return o.call(forced) }, "acquired", h, 0, newToken},
	{"pending, advised: forced", advised, func(o *op) string { return o.call(forced) }, "not due", p, 0, unchanged},
	{"pending: cancel", pending, decide(cancel), "done", f, store.ReasonCancelled, nil},
	{"pending: cancel what changed", pending, decideStale(cancel), "changed", p, 0, unchanged},
	{"pending: resolve", pending, decide(asSucceeded), "illegal", p, 0, unchanged},
	{"pending: reopen", pending, reopen, "illegal", p, 0, unchanged},
	{"pending: purge", pending, purge, "kept", p, 0, unchanged},

	{"in flight: renew", inFlight, func(o *op) string { return o.renew(o.holder(0)) }, "held", h, 0, sameToken},
	{"in flight, lapsed: renew", lapsed(store.LapseResume), func(o *op) string { return o.renew(o.holder(0)) }, "held", h, 0, sameToken},
	{"in flight: renew by an older holder", takenOver, func(o *op) string { return o.renew(o.holder(1)) }, "not held", h, 0, unchanged},
	{"in flight: succeed", inFlight, holderSays(succeeded), "done", s, 0, sameToken},
	{"in flight: refused", inFlight, holderSays(refused), "done", f, store.ReasonRefused, sameToken},
	{"in flight: not run", inFlight, holderSays(notRun), "done", f, store.ReasonNotRun, unsent},
	{"in flight: unknown", inFlight, holderSays(doubtful), "done", u, 0, sameToken},
	{"in flight, lapsed: succeed", lapsed(store.LapseUnknown), holderSays(succeeded), "done", s, 0, sameToken},
	{"in flight, lapsed: refused", lapsed(store.LapseResume), holderSays(refused), "done", f, store.ReasonRefused, sameToken},
	{"in flight, by a runner: release", held, holderSays(release), "done", p, 0, unsent},
	{"in flight, by a call: release", inFlight, holderSays(release), "illegal", h, 0, unchanged},
	{"in flight, by a call that took over what was pending: release", func(o *op) { pending(o); o.call() }, holderSays(release), "illegal", h, 0, unchanged},
	{"in flight, by a runner after a call: release", func(o *op) { ended(doubtful)(o); run(o) }, holderSays(release), "illegal", h, 0, unchanged},
	{"in flight, live: claim", inFlight, plainCall, "held", h, 0, unchanged},
	{"in flight, live: resume", inFlight, resume, "held", h, 0, unchanged},
	{"in flight, live: reconcile", inFlight, reconcile, "held", h, 0, unchanged},
	{"in flight, live: sweep", inFlight, sweep, "held", h, 0, unchanged},
	{"in flight: begin", inFlight, plainBegin, "exists", h, 0, unchanged},
	{"in flight: resolve", inFlight, decide(asSucceeded), "illegal", h, 0, unchanged},
	{"in flight: cancel", inFlight, decide(cancel), "illegal", h, 0, unchanged},
	{"in flight: reopen", inFlight, reopen, "illegal", h, 0, unchanged},
	{"in flight: purge", behindWindow, purge, "kept", h, 0, unchanged},

	{"reconciled: found", reconciled, holderSays(succeeded), "done", s, 0, found},
	{"reconciled: not found, somebody was told", reconciled, holderSays(notRun), "done", f, store.ReasonNotRun, found},
	{"reconciled: not found, somebody was told: release", reconciled, holderSays(release), "illegal", h, 0, unchanged},
	{"reconciled: not found, nobody was told", reconciledUntold, holderSays(release), "done", p, 0, found},
	{"reconciled: cannot tell", reconciled, holderSays(stuck), "done", u, 0, found},
	{"reconciled, lapsed, no use to send: claim", func(o *op) { reconciled(o); o.after(2 * lease) }, plainCall, "unknown", u, 0, sameToken},
	{"reconciled: refused cannot be found", reconciled, holderSays(refused), "illegal", h, 0, unchanged},

	{"lapsed, resume, window open: claim", lapsed(store.LapseResume), plainCall, "acquired", h, 0, newToken},
	{"lapsed, resume, window open: resume", lapsed(store.LapseResume), run, "acquired", h, 0, newToken},
	{"lapsed, resume, window open: sweep", lapsed(store.LapseResume), sweep, "held", h, 0, unchanged},
	{"lapsed, rerun, window over: claim", func(o *op) { o.call(onLapse(store.LapseRerun)); o.after(2 * window) }, plainCall, "acquired", h, 0, newToken},
	{"lapsed, unknown: claim", lapsed(store.LapseUnknown), plainCall, "unknown", u, 0, sameToken},
	{"lapsed, unknown: resume", lapsed(store.LapseUnknown), run, "unknown", u, 0, sameToken},
	{"lapsed, unknown: sweep", lapsed(store.LapseUnknown), sweep, "unknown", u, 0, sameToken},
	{"lapsed, unknown: reconcile", lapsed(store.LapseUnknown), reconcile, "acquired", h, 0, newToken},
	{"lapsed, window over: claim", behindWindow, plainCall, "unknown", u, 0, sameToken},
	{"lapsed, window over: resume", behindWindow, run, "unknown", u, 0, sameToken},
	{"lapsed, window over: sweep", behindWindow, sweep, "unknown", u, 0, sameToken},

	{"unknown: succeed by the old holder", swept, holderSays(succeeded), "done", s, 0, sameToken},
	{"unknown: refused by the old holder", swept, holderSays(refused), "done", f, store.ReasonRefused, sameToken},
	{"unknown: not run by the old holder", swept, holderSays(notRun), "done", f, store.ReasonNotRun, unsent},
	{"unknown: unknown again", ended(doubtful), holderSays(doubtful), "repeated", u, 0, unchanged},
	{"unknown: release", swept, holderSays(release), "illegal", u, 0, unchanged},
	{"unknown: renew", swept, func(o *op) string { return o.renew(o.holder(0)) }, "not held", u, 0, unchanged},
	{"unknown: claim", ended(doubtful), plainCall, "unknown", u, 0, unchanged},
	{"unknown: sweep", ended(doubtful), sweep, "unknown", u, 0, unchanged},
	{"unknown: begin", ended(doubtful), plainBegin, "exists", u, 0, unchanged},
	{"unknown: resume", ended(doubtful), resume, "acquired", h, 0, newToken},
	{"unknown: resume by a runner", ended(doubtful), run, "acquired", h, 0, newToken},
	{"unknown, no use to send: resume", ended(stuck), resume, "unknown", u, 0, unchanged},
	{"unknown, window over: resume", func(o *op) { ended(doubtful)(o); o.after(window) }, resume, "unknown", u, 0, unchanged},
	{"unknown, rerun, window over: resume", func(o *op) {
		o.call(onLapse(store.LapseRerun))
		o.complete(doubtful)
		o.after(2 * window)
	}, resume, "acquired", h, 0, newToken},
	{"unknown: reconcile", ended(stuck), reconcile, "acquired", h, 0, newToken},
	{"unknown: resolve as succeeded", ended(stuck), decide(asSucceeded), "done", s, 0, nil},
	{"unknown: resolve as refused", ended(stuck), decide(asRefused), "done", f, store.ReasonRefused, nil},
	{"unknown: resolve as not run", ended(stuck), decide(asNotRun), "done", f, store.ReasonNotRun, unsent},
	{"unknown: resolve as pending", ended(stuck), decide(asPending), "done", p, 0, nextKey},
	{"unknown: resolve as pending without proof", ended(stuck), decide(unproven), "invalid", u, 0, unchanged},
	{"unknown: resolve what changed", ended(stuck), decideStale(asSucceeded), "changed", u, 0, unchanged},
	{"unknown: cancel", ended(stuck), decide(cancel), "illegal", u, 0, unchanged},
	{"unknown: reopen", ended(stuck), reopen, "illegal", u, 0, unchanged},
	{"unknown: purge", ended(stuck), purge, "kept", u, 0, unchanged},

	{"not run: claim by a later call", ended(notRun), plainCall, "acquired", h, 0, newToken},
	{"not run: claim by a call that was waiting", ended(notRun), waitingCall, "settled", f, store.ReasonNotRun, unchanged},
	{"not run: claim by a call that saw it in flight", ended(notRun), func(o *op) string {
		return o.call(func(c *store.Claim) { c.Waited = o.r.Fence })
	}, "settled", f, store.ReasonNotRun, unchanged},
	{"not run, but somebody succeeded: claim", func(o *op) { settledByOther(notRun)(o); o.older(succeeded) }, plainCall, "settled", f, store.ReasonNotRun, unchanged},
	{"not run, but somebody succeeded: begin", func(o *op) { settledByOther(notRun)(o); o.older(succeeded) }, plainBegin, "exists", f, store.ReasonNotRun, unchanged},
	{"not run: claim by another's call", ended(notRun), otherCall, "mismatched", f, store.ReasonNotRun, unchanged},
	{"not run: resume", ended(notRun), resume, "settled", f, store.ReasonNotRun, unchanged},
	{"not run: resume by a runner", ended(notRun), run, "settled", f, store.ReasonNotRun, unchanged},
	{"not run: claim by a runner", ended(notRun), func(o *op) string { return o.call(runner) }, "settled", f, store.ReasonNotRun, unchanged},
	{"not run: reconcile", ended(notRun), reconcile, "settled", f, store.ReasonNotRun, unchanged},
	{"not run: begin", ended(notRun), plainBegin, "created", p, 0, unsent},
	{"not run: begin another", ended(notRun), otherBegin, "mismatched", f, store.ReasonNotRun, unchanged},
	{"not run: reopen", ended(notRun), reopen, "done", p, 0, nextKey},
	{"refused: begin", ended(refused), plainBegin, "exists", f, store.ReasonRefused, unchanged},
	{"refused: claim", ended(refused), plainCall, "settled", f, store.ReasonRefused, unchanged},
	{"refused: reopen", ended(refused), reopen, "done", p, 0, nextKey},
	{"refused: reopen what changed", ended(refused), func(o *op) string { return o.reopen(-1) }, "changed", f, store.ReasonRefused, unchanged},
	{"refused: resolve", ended(refused), decide(asSucceeded), "illegal", f, store.ReasonRefused, unchanged},
	{"cancelled: begin", cancelled, plainBegin, "exists", f, store.ReasonCancelled, unchanged},
	{"cancelled: claim", cancelled, plainCall, "settled", f, store.ReasonCancelled, unchanged},
	{"cancelled: reopen", cancelled, reopen, "done", p, 0, nextKey},
	{"reopened: run", reopened, run, "acquired", h, 0, newToken},
	{"succeeded: begin", ended(succeeded), plainBegin, "exists", s, 0, unchanged},
	{"succeeded: claim", ended(succeeded), plainCall, "settled", s, 0, unchanged},
	{"succeeded: resume", ended(succeeded), resume, "settled", s, 0, unchanged},
	{"succeeded: reopen", ended(succeeded), reopen, "illegal", s, 0, unchanged},
	{"succeeded: resolve", ended(succeeded), decide(asRefused), "illegal", s, 0, unchanged},
	{"succeeded: succeed again", ended(succeeded), holderSays(succeeded), "repeated", s, 0, unchanged},
	{"succeeded: purge before its time", ended(succeeded), purge, "kept", s, 0, unchanged},

	{"mismatch: absent has none", absent, otherCall, "acquired", h, 0, newToken},
	{"mismatch: pending", pending, otherCall, "mismatched", p, 0, unchanged},
	{"mismatch: not due", delayed, otherCall, "mismatched", p, 0, unchanged},
	{"mismatch: in flight", inFlight, otherCall, "mismatched", h, 0, unchanged},
	{"mismatch: lapsed", lapsed(store.LapseResume), otherCall, "mismatched", h, 0, unchanged},
	{"mismatch: lapsed, unknown", lapsed(store.LapseUnknown), otherCall, "mismatched", h, 0, unchanged},
	{"mismatch: unknown", ended(doubtful), otherCall, "mismatched", u, 0, unchanged},
	{"mismatch: succeeded", ended(succeeded), otherCall, "mismatched", s, 0, unchanged},
	{"mismatch: refused", ended(refused), otherCall, "mismatched", f, store.ReasonRefused, unchanged},
	{"mismatch: released", func(o *op) { held(o); o.complete(release) }, otherCall, "mismatched", p, 0, unchanged},
	{"mismatch: tombstone", purged(succeeded), otherCall, "mismatched", s, 0, unchanged},
	{"mismatch: repeated nonce", inFlight, func(o *op) string {
		return o.call(another, func(c *store.Claim) { c.Nonce = o.r.Nonce })
	}, "mismatched", h, 0, unchanged},

	{"taken over: older success settles", takenOver, olderSays(succeeded), "done", s, 0, late},
	{"taken over: older refusal is evidence", takenOver, olderSays(refused), "lost", h, 0, late},
	{"taken over: older not run is evidence", takenOver, olderSays(notRun), "lost", h, 0, late},
	{"taken over: older unknown is evidence", takenOver, olderSays(doubtful), "lost", h, 0, late},
	{"taken over: older release is evidence", takenOver, olderSays(release), "lost", h, 0, late},
	{"unknown by another: older success settles", settledByOther(doubtful), olderSays(succeeded), "done", s, 0, late},
	{"unknown by another: older refusal is evidence", settledByOther(doubtful), olderSays(refused), "lost", u, 0, late},
	{"succeeded by another: older success", settledByOther(succeeded), olderSays(succeeded), "repeated", s, 0, unchanged},
	{"succeeded by another: older refusal", settledByOther(succeeded), olderSays(refused), "contradicted", s, 0, conflicted},
	{"refused by another: older success", settledByOther(refused), olderSays(succeeded), "contradicted", f, store.ReasonRefused, conflicted},
	{"not run by another: older success", settledByOther(notRun), olderSays(succeeded), "contradicted", f, store.ReasonNotRun, conflicted},
	{"refused by another: older refusal", settledByOther(refused), olderSays(refused), "repeated", f, store.ReasonRefused, unchanged},
	{"refused by another: older unknown", settledByOther(refused), olderSays(doubtful), "lost", f, store.ReasonRefused, unchanged},
	{"resolved as refused: the holder's success", func(o *op) { ended(stuck)(o); o.resolve(asRefused, 0) }, holderSays(succeeded), "contradicted", f, store.ReasonRefused, conflicted},
	{"resolved as succeeded: the holder's refusal", func(o *op) { ended(stuck)(o); o.resolve(asSucceeded, 0) }, holderSays(refused), "contradicted", s, 0, conflicted},
	{"resolved as succeeded: who held it makes nothing whole", func(o *op) { ended(stuck)(o); o.resolve(asSucceeded, 0) }, func(o *op) string {
		t := o.holder(0)
		t.Fence = 0
		return o.completeBy(t, succeeded)
	}, "repeated", s, 0, unchanged},
	{"resolved as pending: the holder's success", func(o *op) { ended(stuck)(o); o.resolve(asPending, 0) }, holderSays(succeeded), "done", s, 0, conflicted},
	{"resolved as pending: the holder's refusal", func(o *op) { ended(stuck)(o); o.resolve(asPending, 0) }, holderSays(refused), "lost", p, 0, late},

	{"tombstone: claim", purged(succeeded), plainCall, "settled", s, 0, unchanged},
	{"tombstone: begin", purged(refused), plainBegin, "exists", f, store.ReasonRefused, unchanged},
	{"tombstone: reopen", purged(refused), reopen, "illegal", f, store.ReasonRefused, unchanged},
	{"tombstone: purge", purged(succeeded), purge, "kept", s, 0, unchanged},
	{"tombstone: contradicted", purged(refused), holderSays(succeeded), "contradicted", f, store.ReasonRefused, conflicted},
	{"tombstone of not run: claim", purged(notRun), plainCall, "acquired", h, 0, newToken},
}
