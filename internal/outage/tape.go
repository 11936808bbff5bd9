package main

import "time"

// tick is the length of an interval in which requests are counted.
const tick = 100 * time.Millisecond

// tape is what happened in one run of a story.
type tape struct {
	story      *story
	ticks      []count
	appliedAt  []time.Duration // by operation; 0: not
	replays    int             // served although applied before, under the same key
	duplicates int             // ... and under another one
	ended      []time.Duration // by operation: when its application had its success; 0: not
	calls      []int           // by operation: by its application
}

// count is what a server did in a tick.
type count struct{ served, refused int }

func newTape(s *story) *tape {
	n := s.operations()
	return &tape{story: s, appliedAt: make([]time.Duration, n), ended: make([]time.Duration, n), calls: make([]int, n)}
}

func (t *tape) at(at time.Duration) *count {
	i := int(at / tick)
	for len(t.ticks) <= i {
		t.ticks = append(t.ticks, count{})
	}
	return &t.ticks[i]
}

func (t *tape) served(at time.Duration)  { t.at(at).served++ }
func (t *tape) refused(at time.Duration) { t.at(at).refused++ }

func (t *tape) applied(at time.Duration, op int) { t.appliedAt[op] = max(at, 1) }
