package storetest

import (
	"bytes"
	"strings"

	"github.com/retrysafe/retrysafe/store"
)

func endings() []one {
	return []one{
		{"what succeeded stays so", succeededStays},
		{"a success in part is made whole by its holder", madeWhole},
		{"what was not run has sent nothing", notRunForgetsSending},
		{"there is no such operation", absent},
	}
}

func succeededStays(s *scene) {
	i, older, holder := s.takenOver()
	s.complete(holder, success)
	for _, token := range []store.Token{older, holder} {
		for _, c := range []store.Completion{success, refusal, notRun, doubt, lost, release} {
			_, err := s.Store.Complete(s.ctx, token, c)
			s.must(err)
		}
	}
	for _, mode := range []store.Mode{store.ModeCall, store.ModeResume, store.ModeReconcile, store.ModeSweep} {
		g := s.claim(s.mode(i, mode))
		same(s, "a claim to "+mode.String(), g.Status, store.ClaimSettled)
		same(s, "its result", string(g.Record.Result), "answer")
	}
	same(s, "a begin", s.begin(i).Status, store.BeginExists)
	r := s.get(i.Name)
	same(s, "the state", r.State, store.StateSucceeded)
	same(s, "the outcome", r.Outcome(), store.Applied)
}

func madeWhole(s *scene) {
	i := s.intent()
	token := s.take(s.call(i))
	s.complete(token, store.Completion{State: store.StateSucceeded, Partial: true})
	other := token
	other.Nonce = nonce()
	same(s, "an answer of another", s.complete(other, success).Status, store.CompleteRepeated)
	same(s, "partial", s.get(i.Name).Partial, true)
	same(s, "the whole answer", s.complete(token, success).Status, store.CompleteDone)
	r := s.get(i.Name)
	same(s, "partial", r.Partial, false)
	same(s, "the result", string(r.Result), "answer")
}

func notRunForgetsSending(s *scene) {
	i := s.intent()
	token := s.take(s.call(i))
	before := s.get(i.Name)
	same(s, "first sent", before.FirstSent.IsZero(), false)
	s.complete(token, notRun)
	after := s.get(i.Name)
	same(s, "first sent", after.FirstSent.IsZero(), true)
	same(s, "to be sent again", after.Resend, false)
}

func absent(s *scene) {
	i := s.intent()
	_, err := s.Store.Get(s.ctx, i.Name)
	s.refused("reading it", err, store.ErrNotFound)
	for _, mode := range []store.Mode{store.ModeResume, store.ModeReconcile, store.ModeSweep} {
		same(s, "a claim to "+mode.String(), s.claim(s.mode(i, mode)).Status, store.ClaimAbsent)
	}
	token := store.Token{Name: i.Name, Fence: 1, Nonce: nonce()}
	same(s, "a completion", s.complete(token, success).Status, store.CompleteAbsent)
	same(s, "a renewal", s.renew(token, s.Unit), false)
	_, err = s.Store.Get(s.ctx, i.Name)
	s.refused("reading it after that", err, store.ErrNotFound)
}

func values() []one {
	return []one{
		{"names may have any bytes", anyNames},
		{"requests and results come back as they were", anyBytes},
		{"slices belong to whoever received them", notAliased},
		{"everything of an intent is kept", everythingKept},
	}
}

func anyNames(s *scene) {
	full := strings.Repeat("\xff", store.MaxNameLength)
	names := append(similar(), store.Name{Scope: full, Kind: full, ID: full}, store.Name{Scope: full, Kind: full, ID: full[1:]},
		store.Name{Kind: "\x00", ID: strings.Repeat("\x00", store.MaxNameLength)})
	for _, n := range names {
		i := s.intent()
		i.Name = n
		same(s, "a begin", s.begin(i).Status, store.BeginCreated)
		token := s.take(s.runner(i, store.ModeResume))
		same(s, "the token's name", token.Name, n)
		same(s, "a renewal", s.renew(token, s.units(long)), true)
		same(s, "a completion", s.complete(token, success).Status, store.CompleteDone)
		same(s, "the record's name", s.get(n).Name, n)
	}
}

func anyBytes(s *scene) {
	for _, size := range []int{0, 1, 2047, 2048, 2049, 1 << 20} {
		want := bytes.Repeat([]byte{0, 0xff, 'x'}, size/3+1)[:size]
		i := s.intent()
		i.Request = want
		token := s.take(s.call(i))
		c := success
		c.Result = want
		done := s.complete(token, c)
		r, g := s.get(i.Name), s.claim(s.call(i))
		for what, got := range map[string][]byte{
			"request": r.Request, "result": r.Result, "a claim's request": g.Record.Request,
			"a claim's result": g.Record.Result, "a completion's result": done.Record.Result,
		} {
			if !bytes.Equal(got, want) {
				s.Errorf("%s of %d bytes came back with %d, or others", what, size, len(got))
			}
		}
	}
	i := s.intent()
	token := s.take(s.call(i))
	s.complete(token, store.Completion{State: store.StateSucceeded})
	same(s, "bytes of no result", len(s.get(i.Name).Result), 0)
}

func notAliased(s *scene) {
	i, given := s.intent(), []byte("request")
	i.Request = given
	g := s.claim(s.call(i))
	result := []byte("answer")
	c := success
	c.Result = result
	done := s.complete(g.Record.Token(), c)
	other := s.claim(s.call(i))
	read := s.get(i.Name)
	for _, b := range [][]byte{given, result, g.Record.Request, done.Record.Request, done.Record.Result,
		other.Record.Request, other.Record.Result, read.Request, read.Result} {
		for n := range b {
			b[n] = '!'
		}
	}
	r := s.get(i.Name)
	same(s, "the request", string(r.Request), "request")
	same(s, "the result", string(r.Result), "answer")

	i, older, _ := s.takenOver()
	s.complete(older, refusal)
	read = s.get(i.Name)
	if len(read.Trail) == 0 || len(read.Trail[0].Result) == 0 {
		s.Fatal("a late answer is not in the trail")
	}
	read.Trail[0].Result[0], read.Trail[0].Actor = '!', "somebody"
	r = s.get(i.Name)
	same(s, "the result in the trail", string(r.Trail[0].Result), "no")
	same(s, "the actor in the trail", r.Trail[0].Actor, "")
}

func everythingKept(s *scene) {
	i := s.intent()
	i.Fingerprint = store.Fingerprint(bytes.Repeat([]byte{0, 0xff}, 16))
	i.OnLapse, i.Window, i.Retain, i.Owner = store.LapseRerun, s.units(5), s.units(7), "owner\x00\xff"
	m := newModel(s)
	m.do(beginStep(i))
	c := s.runner(i, store.ModeResume)
	m.do(claimStep(c))
	taken := m.records[i.Name]
	token := taken.Token()
	m.do(completeStep(token, store.Completion{State: store.StateUnknown, Retry: s.Unit, Advised: true, Abandoned: true, Resend: true}))
	m.do(completeStep(token, store.Completion{State: store.StateSucceeded, Result: []byte("x"), Partial: true, Notice: true}))
}
