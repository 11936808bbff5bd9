package mock

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// visit is one request on its way through the provider.
type visit struct {
	id      string  // "req_" and a number
	request Request // as it arrived; Body follows when it is read
	keyOK   bool
	fault   Fault
	entry   *Request // in the log; nil if the log was full
}

// delivery is how a visit ends for its caller.
type delivery struct {
	end      ending
	reply    Reply
	replayed bool
	bytes    int   // of a cut answer, how many bytes of its body arrive
	inHead   bool  // bytes count from the start of the head
	err      error // of gone, why
}

type ending int

const (
	whole   ending = iota // the reply arrives
	cut                   // the first part of it arrives
	hungUp                // the connection is closed without an answer
	reset                 // the connection is reset without an answer
	refused               // there is no connection
	gone                  // the caller has given up, or the provider was closed
)

// arrive logs a request before its body is read, and decides its fault.
func (p *Provider) arrive(req *http.Request) *visit {
	v := &visit{request: Request{
		Time:   time.Now(),
		Method: req.Method,
		Path:   req.URL.Path,
		Query:  req.URL.Query(),
		Header: req.Header.Clone(),
	}}
	if v.request.Method == "" {
		v.request.Method = http.MethodGet
	}
	v.request.Key, v.keyOK = p.keyOf(req.Header)
	v.fault = p.plan.take(v.request.Key)
	if v.fault.kind != pass {
		v.request.Fault = v.fault.String()
	}
	n, entry := p.journal.arrive(&v.request)
	v.id, v.entry = fmt.Sprintf("req_%d", n), entry
	return v
}

// read adds the body to a visit.
func (p *Provider) read(v *visit, body []byte) {
	v.request.Body = body
	p.journal.note(v.entry, func(r *Request) { r.Body = body })
}

// handle takes a visit through its fault and the operation, and logs its end.
func (p *Provider) handle(ctx context.Context, v *visit) delivery {
	d := p.meet(ctx, v)
	status := 0
	if d.end == whole || d.end == cut && !d.inHead {
		status = d.reply.Status
	}
	p.journal.end(v.entry, status, d.replayed && status != 0)
	return d
}

// meet is the fault before the operation, the operation, and the fault after.
func (p *Provider) meet(ctx context.Context, v *visit) delivery {
	switch v.fault.kind {
	case refuse:
		return delivery{end: refused}
	case resetBefore:
		return delivery{end: reset}
	case conflict:
		return p.deliver(v, answered{reply: p.rules.refuse(keyInFlight, 0)})
	case busy:
		return p.deliver(v, answered{reply: p.turnAway(v.fault)})
	case answer:
		return delivery{reply: v.fault.reply.clone()}
	case stallBefore:
		if err := p.wait(ctx, v.fault.wait); err != nil {
			return delivery{end: gone, err: err}
		}
	}
	out := make(chan answered, 1) // room, because nobody may be waiting
	if v.fault.kind == deliverLate {
		p.later(v.fault.wait, func() { p.perform(v, out) })
	} else {
		p.perform(v, out)
	}
	select {
	case a := <-out:
		// A caller who gave up while the effect ran hears no answer.
		if ctx.Err() != nil {
			return delivery{end: gone, err: context.Cause(ctx)}
		}
		return p.after(ctx, v, p.deliver(v, a))
	case <-ctx.Done():
		return delivery{end: gone, err: context.Cause(ctx)}
	case <-p.done:
		return delivery{end: gone, err: errReset()}
	}
}

// after is the fault on the way back.
func (p *Provider) after(ctx context.Context, v *visit, d delivery) delivery {
	switch v.fault.kind {
	case loseAnswer:
		d.end = hungUp
	case resetAfter:
		d.end = reset
	case failAfter:
		return p.deliver(v, answered{reply: p.rules.refuse(byStatus, v.fault.status)})
	case cutBody:
		if len(d.reply.Body) > 0 {
			d.end, d.bytes = cut, min(v.fault.bytes, len(d.reply.Body)-1)
		}
	case cutHead:
		d.end, d.inHead, d.bytes = cut, true, v.fault.bytes
	case stallAfter:
		if err := p.wait(ctx, v.fault.wait); err != nil {
			return delivery{end: gone, err: err}
		}
	}
	return d
}

// wait returns nil after d, and an error when the caller gives up before.
func (p *Provider) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.done:
		return errReset()
	}
}

// deliver dresses an answer in the dialect's headers.
func (p *Provider) deliver(v *visit, a answered) delivery {
	reply := a.reply.clone()
	if len(reply.Body) > 0 && reply.Header.Get("Content-Type") == "" {
		reply.Header.Set("Content-Type", "application/json")
	}
	p.rules.mark(reply.Header, v, a)
	return delivery{reply: reply, replayed: a.replayed}
}

func (p *Provider) turnAway(f Fault) Reply {
	reply := p.rules.refuse(byStatus, f.status)
	for name, values := range f.reply.Header {
		reply.Header[name] = values
	}
	return reply
}
