package retrysafe_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/retrysafe/retrysafe"
)

// modelClient says what a client says, after alter has made its mistake.
type modelClient struct {
	name        string
	alter       func(t *retrysafe.Tally, f *retrysafe.Fact, longest *time.Duration)
	alwaysFirst bool // it believes that there was no earlier call
}

func (c *modelClient) add(t *retrysafe.Tally, f retrysafe.Fact, longest time.Duration) {
	if c.alter != nil {
		c.alter(t, &f, &longest)
	}
	t.Add(f, longest)
}

// modelStep is one attempt of a history.
type modelStep struct {
	gap, slow int16
	forgotten bool
	repeated  bool // unseen, by net/http
	hidden    fate // of the first delivery, if it was repeated
	answered  bool
	last      fate    // of the only or second delivery, if it was not answered
	conduct   conduct // if it was
}

// modelRun walks the histories of one kind of provider.
type modelRun struct {
	kind      modelKind
	client    modelClient
	attempts  int
	stopEarly bool // at the first mistake

	hidden []fate // what a delivery that was repeated unseen can suffer

	next      map[modelKey]*modelNode // the histories that are one attempt longer
	histories int                     // in all
	distinct  int                     // that differ in the truth or in what is seen
	said      [3]int                  // distinct histories by outcome, with Call.First
	mistakes  []string
	views     map[uint64]*modelView
}

// modelKey is what makes histories differ from each other for all that comes.
type modelKey struct {
	world                truth
	view                 uint64
	first, wasOut, spent bool
}

// modelView is what is true of all histories that look the same to a client
// who knows that it is the first.
type modelView struct {
	possible bool // in some of them there is an effect, or can be
	outcome  retrysafe.Outcome
	evidence retrysafe.Evidence
	last     retrysafe.Verdict
	example  *modelNode
}

// modelNode is a history so far, for all that differ in nothing.
type modelNode struct {
	many   int // how many these are
	before *modelNode
	step   modelStep
	seen   retrysafe.Fact // of the step
	world  truth
	tally  retrysafe.Tally
	view   uint64
	done   bool // was answered so, once
	first  bool // no earlier call
	wasOut bool // an earlier call took effect, or can
	spent  bool // ... and its key was forgotten before this call
}

// end is when the last attempt ended, in seconds.
func (n *modelNode) end() int16 {
	if n.before == nil {
		return 0
	}
	return n.looked() + n.step.slow
}

// looked is when its answer was made: as early as can be, so that the rest of
// the attempt is time in which more can happen.
func (n *modelNode) looked() int16 { return n.before.end() + n.step.gap }

// origins are the states that an earlier call may have left, and that in which
// there was none.
func (r *modelRun) origins() []*modelNode {
	nodes := []*modelNode{{many: 1, first: true}}
	if !r.kind.keyed {
		ran, flying := &modelNode{many: 1, wasOut: true}, &modelNode{many: 1, wasOut: true}
		ran.world.effect(false)
		flying.world.launch(flight{})
		return append(nodes, ran, flying)
	}
	bound := &modelNode{many: 1, first: true}
	bound.world.state = keyElsewhere
	ran := &modelNode{many: 1, wasOut: true}
	ran.world.effect(false)
	ran.world.state = keyDone
	forgotten := &modelNode{many: 1, wasOut: true, spent: true}
	forgotten.world.effect(false)
	flying := &modelNode{many: 1, wasOut: true}
	flying.world.launch(flight{})
	inFlight := &modelNode{many: 1, wasOut: true}
	inFlight.world.launch(flight{started: true})
	inFlight.world.state = keyInFlight
	return append(nodes, bound, ran, forgotten, flying, inFlight)
}

func (r *modelRun) walk() {
	r.views = map[uint64]*modelView{}
	nodes := r.origins()
	for range r.attempts {
		r.next = map[modelKey]*modelNode{}
		for _, node := range nodes {
			if ends(node.seen.Judgement) {
				continue
			}
			if r.extend(node); r.stopEarly && len(r.mistakes) > 0 {
				return
			}
		}
		nodes = slices.Collect(maps.Values(r.next))
	}
}

// extend tries every next attempt.
func (r *modelRun) extend(node *modelNode) {
	times := []int16{modelShort}
	if r.kind.longest > 0 {
		times = []int16{modelShort, modelLong}
	}
	forgets := []bool{false}
	if (r.kind.forgets || r.kind.saysGone) && (node.before != nil || !node.first) {
		forgets = []bool{false, true}
	}
	for _, gap := range times {
		for _, slow := range times {
			for _, forgotten := range forgets {
				r.extendBy(node, modelStep{gap: gap, slow: slow, forgotten: forgotten})
			}
		}
	}
}

func (r *modelRun) extendBy(node *modelNode, step modelStep) {
	for _, c := range conducts {
		if !r.kind.keyed && (c == runsLater || c == runsSoon || c == refusesSoon) {
			continue
		}
		step.answered, step.conduct = true, c
		r.withHidden(node, step)
	}
	step.answered = false
	for _, f := range lastFates {
		step.last = f
		r.withHidden(node, step)
	}
}

func (r *modelRun) withHidden(node *modelNode, step modelStep) {
	r.try(node, step)
	step.repeated = true
	for _, f := range r.hidden {
		step.hidden = f
		r.try(node, step)
	}
}

// try makes one attempt, and looks at what the client says then.
func (r *modelRun) try(before *modelNode, step modelStep) {
	k, w := &r.kind, before.world
	start := before.end() + step.gap
	end := start + step.slow
	if step.forgotten && !k.forget(&w) || k.overdue(&w, start) {
		return
	}
	late := w.flying // those of earlier attempts
	seen := retrysafe.Fact{Start: instant(start), At: instant(end)}
	if step.repeated {
		k.suffer(&w, step.hidden, end)
		seen.Doubtful = 1
	}
	switch {
	case step.answered:
		seen.Judgement = k.arrive(&w, step.conduct, end, true)
	case step.last != notSent:
		k.suffer(&w, step.last, end)
		seen.Doubtful++
	}
	if r.landNext(&w, late, start) {
		r.reach(before, step, &w, seen)
	}
}

// overdue reports whether the provider has a request in flight for longer than
// it has promised.
func (k *modelKind) overdue(w *truth, now int16) bool {
	for _, f := range w.air[:w.flying] {
		if f.started && !k.canStill(f, now) {
			return true
		}
	}
	return false
}

// forget drops what is stored under the key. It is false if there is nothing.
func (k *modelKind) forget(w *truth) bool {
	if w.state != keyDone && w.state != keyRefused && w.state != keyStuck {
		return false
	}
	w.state = keyFree
	if k.saysGone {
		w.state = keyExpired
	}
	return true
}

// reach counts a history. Those that differ in nothing are compared once.
func (r *modelRun) reach(before *modelNode, step modelStep, w *truth, seen retrysafe.Fact) {
	r.histories += before.many
	w.sorted()
	view := before.view<<16 | codeOf(&seen, step)
	key := modelKey{*w, view, before.first, before.wasOut, before.spent}
	if known := r.next[key]; known != nil {
		known.many += before.many
		return
	}
	node := &modelNode{
		many: before.many, before: before, step: step, seen: seen, world: *w, tally: before.tally,
		view: view, done: before.done || seen.Verdict == retrysafe.Done, first: before.first, wasOut: before.wasOut, spent: before.spent,
	}
	r.client.add(&node.tally, seen, time.Duration(r.kind.longest)*time.Second)
	r.next[key] = node
	r.distinct++
	r.compare(node)
}

// landNext lets arrive what was to come after this attempt. It is false if the
// provider has promised that it cannot come so late.
func (r *modelRun) landNext(w *truth, late uint8, now int16) bool {
	for i := late; i > 0; {
		i--
		if !w.air[i].next {
			continue
		}
		if !r.kind.canStill(w.air[i], now) {
			return false
		}
		r.kind.end(w, w.land(i))
	}
	return true
}

func instant(seconds int16) time.Time { return time.Unix(1_000_000+int64(seconds), 0) }

// ends reports whether no client goes on after such an answer.
func ends(j retrysafe.Judgement) bool {
	switch j.Verdict {
	case 0, retrysafe.Again, retrysafe.Wait:
		return false
	case retrysafe.Done:
		return !j.Lost
	default:
		return true
	}
}

// codeOf packs what a client sees of an attempt.
func codeOf(f *retrysafe.Fact, s modelStep) uint64 {
	code := uint64(f.Verdict)<<1 | 1
	for _, bit := range []bool{f.Stored, f.NotRun, f.LookedUp, f.Presumed, f.Echo, f.Lost, s.gap == modelLong, s.slow == modelLong} {
		code <<= 1
		if bit {
			code |= 1
		}
	}
	return code<<2 | uint64(f.Doubtful)
}

// compare holds what the client says against the truth.
func (r *modelRun) compare(node *modelNode) {
	if outcome, _ := node.tally.Outcome(false); node.done != (outcome == retrysafe.Applied) {
		r.mistake(node, "applied is said without a done, or is not said after one")
	}
	effects, ours := r.kind.worst(&node.world, node.looked())
	outcome, evidence := node.tally.Outcome(r.client.alwaysFirst)
	if !excused(node, evidence) {
		r.check(node, "outcome", outcome, effects, node.world.effects)
	}
	r.check(node, "outcome of this call", node.tally.ThisCall(), ours, node.world.effects)
	if !node.first {
		return
	}
	outcome, evidence = node.tally.Outcome(true)
	r.said[outcome]++
	r.check(node, "outcome of the first call", outcome, effects, node.world.effects)
	view := r.views[node.view]
	if view == nil {
		view = &modelView{outcome: outcome, evidence: evidence, last: node.seen.Verdict, example: node}
		r.views[node.view] = view
	}
	view.possible = view.possible || effects > 0
}

// excused are the two statements that DESIGN makes without Call.First although
// an earlier call without a store can have left more: a 402 without doubt, and
// a stored refusal of a key that was sent again when its window was over.
func excused(node *modelNode, evidence retrysafe.Evidence) bool {
	return node.wasOut && node.seen.Presumed || node.spent && evidence == retrysafe.EvidenceRefused
}

func (r *modelRun) check(node *modelNode, what string, said retrysafe.Outcome, worst, now uint8) {
	switch {
	case said == retrysafe.NotApplied && worst > 0:
		r.mistake(node, what+" is not applied, but there is an effect or can be")
	case said == retrysafe.Applied && now == 0:
		r.mistake(node, what+" is applied, but there is no effect")
	}
}

func (r *modelRun) mistake(node *modelNode, text string) {
	if len(r.mistakes) < 5 {
		r.mistakes = append(r.mistakes, text+": "+node.String())
	}
}

func (n *modelNode) String() string {
	if n.before == nil {
		return fmt.Sprintf("no earlier call: %t; it left an effect or a flight: %t, whose key is forgotten: %t", n.first, n.wasOut, n.spent)
	}
	return fmt.Sprintf("%v\n\t%v\n\t\tis seen as %v %+v with %d doubtful", n.before, n.step, n.seen.Verdict, n.seen.Judgement, n.seen.Doubtful)
}

func (s modelStep) String() string {
	text := fmt.Sprintf("%d s later, for %d s", s.gap, s.slow)
	if s.forgotten {
		text += ", key forgotten"
	}
	if s.repeated {
		text += ", repeated unseen: " + s.hidden.String()
	}
	if s.answered {
		return text + ", answered: " + s.conduct.String()
	}
	return text + ", not answered: " + s.last.String()
}
