package retrysafe

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// heard is how an operation ended as a store keeps it: the answer, and what a
// call made of it. It is one line of JSON, and the body after it. It is read by
// later versions, so a member never changes its meaning.
type heard struct {
	Version  int         `json:"v"`
	Cause    string      `json:"cause,omitempty"` // why the call ended, if not with an answer in hand
	Evidence Evidence    `json:"evidence,omitempty"`
	Verdict  string      `json:"verdict,omitempty"`
	Replayed bool        `json:"replayed,omitempty"`
	Status   int         `json:"status,omitempty"`
	Header   http.Header `json:"header,omitempty"`
	Body     []byte      `json:"-"`
	Answered bool        `json:"answered,omitempty"` // there is an answer
	Cut      bool        `json:"cut,omitempty"`      // ... that is not whole
	Found    bool        `json:"found,omitempty"`    // ... by reconciling: the body is the value as JSON
}

const heardVersion = 1

// causeWords are the reasons of an end that a record can give again.
var causeWords = map[string]error{
	"refused": ErrRefused, "in flight": ErrInFlight, "key reused": ErrKeyReused, "key expired": ErrKeyExpired,
	"stuck": ErrStuck, "answer lost": ErrAnswerLost, "conflict": ErrConflict, "attempts exhausted": ErrAttemptsExhausted,
	"budget exhausted": ErrBudgetExhausted, "no time left": ErrNoTimeLeft, "not resent": ErrNotResent, "authorize": ErrAuthorize,
	"cancelled": ErrCancelled, "not there": errNotThere, "unreadable": errUnreadable, "call ended": errCallEnded,
}

func causeWord(err error) string {
	for word, cause := range causeWords {
		if err == cause {
			return word
		}
	}
	if errors.Is(err, errUnreadable) {
		return "unreadable"
	}
	return "call ended"
}

// hear returns how a call ended, in the form that a store keeps.
func (r *run) hear(end *ending) []byte {
	h := heard{Version: heardVersion, Evidence: EvidenceDone, Verdict: r.tally.last.verdict.String(), Replayed: end.replayed}
	if end.err != nil {
		h.Evidence, h.Cause = end.err.Evidence, causeWord(end.err.causes[0])
	}
	if a := end.answer; a != nil {
		h.Answered, h.Status, h.Header, h.Body, h.Cut = true, a.Status, keptHeader(a.Header, r.contract.prof), a.Body, a.Err != nil
		if a.streamed() {
			h.Body, h.Cut = nil, true
		}
	}
	return h.bytes()
}

// bytes is nil if JSON cannot write it, and there is nothing in it of which that
// is so.
func (h *heard) bytes() []byte {
	b, _ := lineAndBody(h, h.Body)
	return b
}

// keptHeaders are those of an answer that a record keeps, beside those that the
// profile reads. All others may be secrets of a session.
var keptHeaders = []string{
	"Content-Type", "Content-Language", "Content-Encoding", "Date", "Etag", "Last-Modified", "Link", "Location",
	"Retry-After", "Retry-After-Ms", "Request-Id", "X-Request-Id", "Idempotent-Replayed",
}

func keptHeader(h http.Header, p *Profile) http.Header {
	kept := http.Header{}
	keep := func(names ...string) {
		for _, name := range names {
			name = http.CanonicalHeaderKey(name)
			if values := h[name]; len(values) > 0 && !credential(name) {
				kept[name] = slices.Clone(values)
			}
		}
	}
	keep(keptHeaders...)
	keep(p.Marks...)
	for _, places := range [][]string{p.Code, p.Message, p.RequestID} {
		keep(places...)
	}
	for _, m := range p.Replayed {
		keep(m.Name)
	}
	return kept
}

// readHeard reads what hear made, also of an older version. Nothing recorded
// is an end of which nothing is known.
func readHeard(b []byte) heard {
	h := heard{Version: heardVersion}
	if len(b) == 0 {
		return h
	}
	body, err := readLine(b, &h)
	if err != nil || h.Version != heardVersion {
		return heard{Cut: true}
	}
	h.Body = body
	return h
}

// answer returns the recorded answer, nil if there is none.
func (h *heard) answer() *Answer {
	if !h.Answered && !h.Found {
		return nil
	}
	a := &Answer{Status: h.Status, Header: h.Header, Body: h.Body}
	if a.Header == nil {
		a.Header = http.Header{}
	}
	if h.Cut {
		a.Err = errCut
	}
	return a
}

// verdict is what the last answer meant, by its word.
func (h *heard) verdict() Verdict {
	for v := Done; v <= Elsewhere; v++ {
		if v.String() == h.Verdict {
			return v
		}
	}
	return 0
}

// recordedEnd is the end of a call whose operation the store knows the end of,
// or the doubt.
func (r *run) recordedEnd(rec *store.Record) ending {
	h := readHeard(rec.Result)
	end := ending{key: r.request.key, answer: h.answer(), replayed: h.Replayed, recorded: true, attempts: r.attempts}
	if rec.State == store.StateSucceeded && r.readValue(rec, &h, &end) {
		return end
	}
	e := &Error{
		Outcome: rec.Outcome(), ThisCall: r.tally.thisCall(), Operation: r.request.op, Key: end.key, Verdict: h.verdict(),
		Evidence: recordedEvidence(rec, &h), Recorded: true, Replayed: h.Replayed, Attempts: r.attempts,
	}
	if a := end.answer; a != nil {
		e.Status, e.RequestID = a.Status, a.requestID(r.contract.prof)
		e.ProviderCode, e.Message = a.describe(r.contract.prof)
	}
	e.causes = r.recordedCauses(rec, &h, end.answer)
	e.advise(rec, r.contract.within())
	end.err = e
	return end
}

// readValue gives the caller the recorded answer of a success; false: it is not
// to be had.
func (r *run) readValue(rec *store.Record, h *heard, end *ending) bool {
	if rec.Purged || rec.Partial || end.answer == nil {
		return false
	}
	if err := end.answer.decodeInto(r.task.into); err != nil {
		end.answer.Err = &undecodable{err}
		return false
	}
	return rec.Conflicts == 0
}

func recordedEvidence(rec *store.Record, h *heard) Evidence {
	switch {
	case rec.Conflicts > 0:
		return EvidenceContradicted
	case rec.State == store.StatePending:
		return EvidencePending
	case rec.State == store.StateInFlight:
		return EvidenceHeld
	case rec.Reason == store.ReasonCancelled:
		return EvidenceCancelled
	case h.Evidence != "":
		return h.Evidence
	case rec.State == store.StateUnknown:
		return EvidenceLapsed
	default:
		return EvidenceDecided
	}
}

// silence is why nothing more is known of an operation of which nobody has
// said how it ended.
func silence(rec *store.Record) error {
	switch {
	case rec.State == store.StateFailed && rec.Conflicts == 0:
		return ErrRefused
	case rec.OnLapse == store.LapseUnknown:
		return ErrNotResent
	case !rec.ResendUntil().IsZero() && !time.Now().Before(rec.ResendUntil()):
		return ErrKeyExpired
	default:
		return ErrStuck
	}
}

// advise says whether calling again under the same ID is safe and may help.
// Where no window is known, within is for how long a call may carry on.
func (e *Error) advise(rec *store.Record, within time.Duration) {
	e.until = rec.ResendUntil()
	if e.until.IsZero() && rec.OnLapse == store.LapseResume && !rec.FirstSent.IsZero() {
		e.until = rec.FirstSent.Add(within)
	}
	switch rec.State {
	case store.StatePending:
		e.retryable, e.RetryAt, e.until = true, rec.Next, time.Time{}
	case store.StateInFlight:
		e.retryable = true
	case store.StateFailed:
		e.retryable = rec.Reason == store.ReasonNotRun && e.Verdict != Refused
	case store.StateUnknown:
		e.retryable = rec.Resend && rec.OnLapse != store.LapseUnknown && (e.until.IsZero() || time.Now().Before(e.until))
		if rec.Advised {
			e.RetryAt = rec.Next
		}
	}
}

// recordedCauses lists why a recorded operation has no answer, or which refusal.
func (r *run) recordedCauses(rec *store.Record, h *heard, answer *Answer) (causes []error) {
	add := func(err error) {
		if err != nil && !slices.ContainsFunc(causes, func(c error) bool { return errors.Is(c, err) }) {
			causes = append(causes, err)
		}
	}
	if rec.Conflicts > 0 {
		add(ErrConflict)
		if rec.State == store.StateFailed {
			return causes // What it failed for is not what holds.
		}
	}
	switch rec.State {
	case store.StatePending:
		add(ErrPending)
	case store.StateInFlight:
		add(ErrInFlight)
	case store.StateSucceeded:
		if rec.Purged {
			add(ErrAnswerGone)
		} else if rec.Partial || answer == nil || answer.Err != nil {
			add(ErrAnswerLost)
		}
	case store.StateFailed:
		switch rec.Reason {
		case store.ReasonCancelled:
			add(ErrCancelled)
		case store.ReasonRefused:
			add(ErrRefused)
		}
	}
	add(causeWords[h.Cause])
	if rec.Purged {
		add(ErrAnswerGone)
	}
	if len(causes) == 0 {
		add(silence(rec))
	}
	if answer != nil {
		add(answer.Err)
		if r.task.failure != nil && rec.State != store.StateSucceeded && h.Answered {
			add(present(r.task.failure(*answer)))
		}
	}
	return causes
}
