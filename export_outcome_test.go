package retrysafe

import (
	"reflect"
	"time"
)

// What the tests of verdicts and outcomes in package retrysafe_test see of the
// inside.

// Judgement is what one answer means, in full.
type Judgement struct {
	Verdict                                        Verdict
	Stored, NotRun, LookedUp, Presumed, Echo, Lost bool
	Link                                           Link
}

func (j Judgement) inside() judgement {
	return judgement{
		verdict: j.Verdict, stored: j.Stored, notRun: j.NotRun, lookedUp: j.LookedUp,
		presumed: j.Presumed, echo: j.Echo, lost: j.Lost, link: j.Link,
	}
}

// Question is what was asked, and of whom.
type Question struct {
	Method       string
	Keyless      bool
	Query        bool
	Raw          bool     // the result is []byte
	Accept       []string // in lower case, as a declaration has it
	Own, Profile []Rule
	Marks        []string
}

// Judge returns what judge says of an answer. Everything that is done once a
// declaration is done outside the function it returns.
func (q Question) Judge() func(*Answer) Judgement {
	asked := question{method: q.Method, keyed: !q.Keyless, query: q.Query, accept: media{accept: q.Accept, raw: q.Raw}}
	own, profile := canonicalRules(q.Own), Profile{Rules: q.Profile, Marks: q.Marks}.canonical()
	return func(a *Answer) Judgement {
		j := judge(asked, own, profile, a)
		return Judgement{
			Verdict: j.verdict, Stored: j.stored, NotRun: j.notRun, LookedUp: j.lookedUp,
			Presumed: j.presumed, Echo: j.echo, Lost: j.lost, Link: j.link,
		}
	}
}

// Fields returns how many fields a judgement has inside, so that a new one
// cannot be forgotten here.
func (Judgement) Fields() (inside, here int) {
	return reflect.TypeFor[judgement]().NumField(), reflect.TypeFor[Judgement]().NumField()
}

// Fact is what one attempt adds to what is known.
type Fact struct {
	Judgement
	Doubtful  int // deliveries that a server may have and that nothing answered
	Start, At time.Time
}

// Tally is what is known of an operation. The zero value is nothing.
type Tally struct{ t tally }

func (t *Tally) Add(f Fact, longest time.Duration) {
	t.t.add(fact{seen: seen{doubtful: f.Doubtful}, judgement: f.inside(), start: f.Start, at: f.At}, longest)
}

func (t *Tally) Outcome(first bool) (Outcome, Evidence) { return t.t.outcome(first) }

func (t *Tally) ThisCall() Outcome { return t.t.thisCall() }
