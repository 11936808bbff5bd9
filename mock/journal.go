package mock

import (
	"sync"
	"time"
)

// journal is the log of the requests.
type journal struct {
	limit int

	mu       sync.Mutex
	entries  []*Request
	attempts map[string]int
	arrived  int
}

// arrive gives the request its number among all and among those of its key,
// and logs it if there is room. The entry is nil if not.
func (j *journal) arrive(r *Request) (n int, entry *Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.arrived++
	j.attempts[r.Key]++
	r.Attempt = j.attempts[r.Key]
	if len(j.entries) >= j.limit {
		return j.arrived, nil
	}
	logged := *r
	j.entries = append(j.entries, &logged)
	return j.arrived, &logged
}

// note changes an entry of the log.
func (j *journal) note(entry *Request, change func(*Request)) {
	if entry == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	change(entry)
}

// end says that the caller of an entry has been dealt with.
func (j *journal) end(entry *Request, status int, replayed bool) {
	now := time.Now()
	j.note(entry, func(r *Request) { r.End, r.Status, r.Replayed = now, status, replayed })
}

// requests returns copies of the entries, and how many had no room.
func (j *journal) requests() (list []Request, missing int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	list = make([]Request, len(j.entries))
	for i, entry := range j.entries {
		list[i] = entry.clone()
	}
	return list, j.arrived - len(j.entries)
}

// Requests returns the log: every request in the order of arrival, up to
// [Options.MaxRequests].
func (p *Provider) Requests() []Request {
	list, _ := p.journal.requests()
	return list
}

// Keys returns the different keys of the requests, in the order of their first
// arrival.
func (p *Provider) Keys() []string {
	var keys []string
	seen := map[string]bool{"": true}
	for _, r := range p.Requests() {
		if !seen[r.Key] {
			seen[r.Key] = true
			keys = append(keys, r.Key)
		}
	}
	return keys
}
