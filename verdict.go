package retrysafe

import (
	"net/http"
	"strings"
)

// Verdict is what one answer means: what to do next. The zero value is no
// verdict, for an attempt that was not answered.
type Verdict int

// The verdicts, a closed set.
const (
	// Done: the provider has taken the request.
	Done Verdict = iota + 1
	// Refused: the provider did not take the request and will not.
	Refused
	// Again: send it again after a wait.
	Again
	// Wait: the provider is at work on this key. Send it again after a wait,
	// and it will say how that ended.
	Wait
	// Mismatch: the key is bound to another request.
	Mismatch
	// Gone: the key has expired, the provider cannot say what became of it.
	Gone
	// Stuck: no retry will tell how the operation ended. Reconcile.
	Stuck
	// Elsewhere: applied, and the answer lies at a link.
	Elsewhere
)

var verdictNames = [...]string{"none", "done", "refused", "again", "wait", "mismatch", "gone", "stuck", "elsewhere"}

// String returns the verdict in lower case, and "none" for the zero value.
func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdictNames) {
		return "none"
	}
	return verdictNames[v]
}

// MarshalText returns what String does.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// judgement is what one answer means, in full.
type judgement struct {
	verdict Verdict
	// stored: the answer speaks for the key; a delivery that arrives late
	// would get the same one.
	stored bool
	// notRun: the answered delivery was not run, though it may be sent again.
	notRun bool
	// lookedUp: given after the key was looked up, and a success would have
	// been replayed instead.
	lookedUp bool
	// presumed: not applied unless somebody knows of a delivery in doubt (402).
	presumed bool
	// echo: what was asked for is there already, perhaps by an own delivery.
	echo bool
	// lost: done, but the answer cannot be used.
	lost bool
	link Link
}

// question is what a judge has to know of the request.
type question struct {
	method string
	keyed  bool // a key was on the wire
	query  bool // a Query: it has no effect
	accept media
}

// judge says what an answer means: by the command's rules, then by the
// profile's, then by HTTP's own semantics.
func judge(q question, own []Rule, p *Profile, a *Answer) judgement {
	j := judgeRules(q, own, p, a)
	if q.query && j.lost {
		return judgement{verdict: Again}
	}
	if !q.keyed {
		// Rules are written for requests that carry the key.
		j.stored, j.lookedUp = false, false
	}
	return j
}

func judgeRules(q question, own []Rule, p *Profile, a *Answer) judgement {
	for _, rules := range [2][]Rule{own, p.Rules} {
		for i := range rules {
			switch applies(&rules[i], q, a) {
			case yes:
				return rules[i].judgement(q, p, a)
			case cannotTell:
				// Only the body could tell a success from a refusal or from
				// work in flight, and it cannot be read.
				return judgement{verdict: Again}
			}
		}
	}
	return judgeHTTP(q, p, a)
}

type answerTo int

const (
	no answerTo = iota
	yes
	cannotTell
)

func applies(r *Rule, q question, a *Answer) answerTo {
	if !r.matchesHead(q.method, a.Status) {
		return no
	}
	if r.Header != "" && !hasHeader(a.Header, r.Header, r.Value) {
		return no
	}
	if r.At == "" {
		return yes
	}
	doc, readable := a.document()
	switch {
	case readable && r.at.Match(doc, r.Is):
		return yes
	case !readable && a.unreadable():
		return cannotTell
	default:
		return no
	}
}

func (r *Rule) matchesHead(method string, status int) bool {
	if r.Method != "" && r.Method != method {
		return false
	}
	if r.Status == 0 {
		return true
	}
	return status == r.Status || r.Status < status && status <= r.StatusTo
}

func (r *Rule) judgement(q question, p *Profile, a *Answer) judgement {
	if r.At == "" && r.Header == "" && !q.accept.declares(a) && !p.marked(a.Header) {
		// A status alone does not show that a page came from the provider.
		return judgeHTTP(q, p, a)
	}
	return judgement{
		verdict: r.Verdict, stored: r.Stored, notRun: r.NotRun, lookedUp: r.LookedUp,
		echo: r.Echo, lost: r.Verdict == Done && a.damaged(), link: r.Link,
	}
}

func hasHeader(h http.Header, name, value string) bool {
	for _, v := range h[name] {
		if value == "" || strings.EqualFold(strings.TrimSpace(v), value) {
			return true
		}
	}
	return false
}

// judgeHTTP is what RFC 9110 lets one conclude without knowing the provider.
func judgeHTTP(q question, p *Profile, a *Answer) judgement {
	switch s := a.Status; {
	case s >= 200 && s <= 299:
		return judgeSuccess(q, p, a)
	case s == http.StatusMisdirectedRequest, s == http.StatusTooEarly, s == http.StatusTooManyRequests:
		return judgement{verdict: Again, notRun: true}
	case s == http.StatusPaymentRequired:
		return judgement{verdict: Refused, presumed: presumes(q, p, a)}
	case s == http.StatusConflict:
		return judgeConflict(q)
	case refusesItsDelivery(s):
		return judgement{verdict: Refused, echo: echoes(q.method, s)}
	case s == http.StatusRequestTimeout, s >= 500 && s <= 599:
		return judgement{verdict: Again}
	default:
		return judgement{verdict: Stuck, echo: s == http.StatusPreconditionFailed}
	}
}

// judgeSuccess tells a provider's 2xx from a captive portal's.
func judgeSuccess(q question, p *Profile, a *Answer) judgement {
	if !q.accept.declares(a) && !p.marked(a.Header) {
		return judgement{verdict: Again}
	}
	return judgement{verdict: Done, lost: a.damaged()}
}

// presumes reports whether a 402 lets one take it that no earlier delivery took
// effect: then the provider would have replayed that success. A gateway's page
// says nothing of it.
func presumes(q question, p *Profile, a *Answer) bool {
	return q.keyed && !p.NoReplay && (a.mediaType() != "text/html" || p.marked(a.Header))
}

func judgeConflict(q question) judgement {
	if q.keyed {
		return judgement{verdict: Wait}
	}
	return judgement{verdict: Refused, echo: true}
}

// echoes reports whether a refusal is what a repeat of an own success would
// get: what a DELETE names is no longer there.
func echoes(method string, status int) bool {
	return method == http.MethodDelete && (status == http.StatusNotFound || status == http.StatusGone)
}

// refusesItsDelivery lists the statuses that RFC 9110, 6585, 8470 and 7725
// define as a refusal of this request: it was not carried out.
func refusesItsDelivery(status int) bool {
	switch status {
	case 400, 401, 403, 404, 405, 406, 407, 410, 411, 413, 414, 415, 416, 417, 422, 428, 431, 451, 501, 307, 308:
		return true
	default:
		return false
	}
}
