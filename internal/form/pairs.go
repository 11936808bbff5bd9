package form

import (
	"iter"
	"slices"
	"strconv"
	"strings"
)

// pair is one name=value as it was received.
type pair struct {
	path  []string // never empty
	value string
}

// parse returns the pairs of a form sorted by path, so that all that belongs to
// one name is one run; pairs of the same path stay in order. Its errors are
// *Error.
func parse(data string) ([]pair, error) {
	var pairs []pair
	for part := range strings.SplitSeq(data, "&") {
		if part == "" {
			continue
		}
		if len(pairs) == maxPairs {
			return nil, &Error{Err: ErrSize}
		}
		p, err := parsePair(part)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, p)
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return slices.Compare(a.path, b.path) })
	return pairs, nil
}

func parsePair(part string) (pair, error) {
	name, value, _ := strings.Cut(part, "=")
	path, err := segments(name)
	if err != nil {
		return pair{}, &Error{Err: err}
	}
	plain, err := unescape(value)
	if err != nil {
		return pair{}, &Error{Field: join(path), Err: err}
	}
	return pair{path, plain}, nil
}

// parts splits a run of pairs, none of which ends at depth, by the segment that
// they have there.
func parts(run []pair, depth int) iter.Seq2[string, []pair] {
	return func(yield func(string, []pair) bool) {
		for len(run) > 0 {
			name, end := run[0].path[depth], 1
			for end < len(run) && run[end].path[depth] == name {
				end++
			}
			if !yield(name, run[:end]) {
				return
			}
			run = run[end:]
		}
	}
}

// single reports whether the run begins with pairs that end at depth: those
// sort before any that nest deeper.
func single(run []pair, depth int) bool { return len(run[0].path) == depth }

// elements returns the run of each element of a list, in order, and the depth
// at which the elements begin. A list is a name repeated, [] repeated, or the
// indices 0 to n-1 in any order. !ok means that the run is none of these.
func elements(run []pair, depth int) (list [][]pair, inner int, ok bool) {
	if single(run, depth) {
		return repeated(run, depth)
	}
	if run[0].path[depth] == "" {
		return repeated(run, depth+1)
	}
	for _, part := range parts(run, depth) {
		list = append(list, part)
	}
	sorted := make([][]pair, len(list))
	for _, part := range list {
		i, ok := index(part[0].path[depth])
		if !ok || i >= len(list) {
			return nil, 0, false
		}
		sorted[i] = part
	}
	return sorted, depth + 1, true
}

// repeated takes every pair as an element, if all have one path of that depth.
func repeated(run []pair, depth int) ([][]pair, int, bool) {
	list := make([][]pair, len(run))
	for i, p := range run {
		if !slices.Equal(p.path, run[0].path[:depth]) {
			return nil, 0, false
		}
		list[i] = run[i : i+1]
	}
	return list, depth, true
}

// index reads the index of an element: decimal, without leading zeros. What is
// too large for the number of elements leaves a hole.
func index(s string) (int, bool) {
	i, err := strconv.Atoi(s)
	if err != nil || i < 0 || strconv.Itoa(i) != s {
		return 0, false
	}
	return i, true
}
