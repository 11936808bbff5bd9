package mock

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"time"
)

// perform brings a visit to the operation: its key is looked up, and the effect
// is run if nothing stands under it. The answer goes to out, which has room.
func (p *Provider) perform(v *visit, out chan<- answered) {
	r := v.request
	turnDown := func(why refusal) { out <- answered{reply: p.rules.refuse(why, 0)} }
	switch {
	case !p.rules.keyed(r.Method):
		p.performUnkeyed(v, out)
	case !v.keyOK:
		turnDown(keyMalformed)
	case r.Key == "" && p.options.KeyRequired:
		turnDown(keyMissing)
	case r.Key == "":
		p.performUnkeyed(v, out)
	default:
		p.performKeyed(v, out, turnDown)
	}
}

func (p *Provider) performKeyed(v *visit, out chan<- answered, turnDown func(refusal)) {
	slot := p.slot(v.request)
	state, known := p.ledger.begin(slot, record{
		fingerprint: p.rules.fingerprint(v.request),
		born:        time.Now(),
		original:    v.id,
	})
	switch state {
	case reused:
		turnDown(keyReused)
	case running:
		turnDown(keyInFlight)
	case stored:
		out <- answered{reply: known.reply, stored: true, replayed: true, original: known.original}
	default:
		p.later(p.options.Delay, func() {
			reply, kept := p.runOnce(slot, v)
			out <- answered{reply: reply, stored: kept, original: v.id}
		})
	}
}

// runOnce runs the effect that has taken slot, and settles slot also when the
// effect panics: a key must not stay in flight for ever.
func (p *Provider) runOnce(slot string, v *visit) (reply Reply, kept bool) {
	defer func() { p.ledger.settle(slot, reply, kept) }()
	reply = p.run(v)
	return reply, !reply.NotStored && p.rules.stores(reply)
}

func (p *Provider) performUnkeyed(v *visit, out chan<- answered) {
	delay := p.options.Delay
	if safe(v.request.Method) {
		delay = 0
	}
	p.later(delay, func() { out <- answered{reply: p.run(v)} })
}

// slot is where the ledger keeps the key of a request.
func (p *Provider) slot(r Request) string {
	if p.options.Account == nil {
		return r.Key
	}
	account := p.options.Account(r.clone())
	return strconv.Itoa(len(account)) + ":" + account + r.Key
}

// run runs the effect of a visit and writes it down if it took place.
func (p *Provider) run(v *visit) Reply {
	r := v.request.clone()
	r.Fault = ""
	effect := p.options.Effect
	if effect == nil {
		effect = p.makeObject
	}
	if safe(r.Method) {
		return p.checked(effect(r))
	}
	r.EffectID = p.ledger.nextID()
	reply := p.checked(effect(r))
	if reply.took() {
		p.ledger.enter(Effect{ID: r.EffectID, Key: r.Key, Method: r.Method, Path: r.Path, Time: time.Now(), Reply: reply.clone()})
		p.journal.note(v.entry, func(entry *Request) { entry.EffectID = r.EffectID })
	}
	return reply
}

// checked fills in a reply's status, and turns one that cannot be sent into a
// 500 that says why.
func (p *Provider) checked(reply Reply) Reply {
	if reply.Status == 0 {
		reply.Status = p.rules.made
	}
	if err := reply.check(); err != nil {
		took, declined := reply.took(), reply.Declined
		reply = Problem(http.StatusInternalServerError, "The effect's reply cannot be sent", err.Error())
		reply.Took, reply.Declined = took, declined
	}
	return reply.clone()
}

// makeObject is the effect of a provider that was given none.
func (p *Provider) makeObject(r Request) Reply {
	if safe(r.Method) {
		if reply, ok := p.ledger.find(path.Base(r.Path)); ok {
			reply.Status = http.StatusOK
			return reply
		}
		return p.rules.refuse(byStatus, http.StatusNotFound)
	}
	object := fieldsOf(r)
	object["id"] = r.EffectID
	return JSON(p.rules.made, object)
}

// fieldsOf returns the top-level fields of a JSON object or of a form, whose
// values are numbers where they are written as whole ones.
func fieldsOf(r Request) map[string]any {
	fields := map[string]any{}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media != "application/x-www-form-urlencoded" {
		var raw map[string]json.RawMessage // keeps every number as it was written
		if json.Unmarshal(r.Body, &raw) == nil {
			for name, value := range raw {
				fields[name] = value
			}
		}
		return fields
	}
	form, _ := url.ParseQuery(string(r.Body))
	for name := range form {
		value := form.Get(name)
		fields[name] = value
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && strconv.FormatInt(n, 10) == value {
			fields[name] = n
		}
	}
	return fields
}
