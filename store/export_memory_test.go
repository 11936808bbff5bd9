package store

import "github.com/retrysafe/retrysafe/internal/tick"

// NewMemoryFrom returns a store whose time comes from a source.
func NewMemoryFrom(source tick.Source) *Memory {
	m := NewMemory()
	m.clock = tick.From(source)
	return m
}
