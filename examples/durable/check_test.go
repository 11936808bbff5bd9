package main

import (
	"testing"
	"time"
)

func TestWhatIsKnownOfAnOrderIsCompared(t *testing.T) {
	yes, no, maybe, waits := word{applied, "a"}, word{notApplied, ""}, word{unknown, ""}, word{stillOpen, ""}
	final := func(words ...word) (all []told) {
		for _, w := range words {
			all = append(all, told{word: w, Final: true})
		}
		return all
	}
	// Not applied, and it asked again: before and after the charge was made.
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	before, after := told{word: no, At: noon.Add(-time.Second)}, told{word: no, At: noon.Add(time.Second)}
	a, none := []effect{{"a", noon}}, []effect(nil)
	type counts struct{ duplicates, lost, forgotten, wrong int }
	for name, c := range map[string]struct {
		evidence evidence
		want     counts
	}{
		"charged":                                   {evidence{a, final(yes), yes, yes}, counts{}},
		"charged, told twice":                       {evidence{a, final(yes, yes), yes, yes}, counts{}},
		"charged, answer lost":                      {evidence{a, final(word{applied, ""}), word{applied, ""}, yes}, counts{}},
		"charged, after doubt":                      {evidence{a, []told{{word: maybe}, {word: yes}}, yes, yes}, counts{}},
		"charged, when asked again":                 {evidence{a, []told{before, {word: yes}}, yes, yes}, counts{}},
		"charged, told failed, and asked again":     {evidence{a, []told{after, {word: yes}}, yes, yes}, counts{lost: 1}},
		"declined":                                  {evidence{none, final(no), no, no}, counts{}},
		"unknown, charged":                          {evidence{a, final(maybe), maybe, maybe}, counts{}},
		"unknown, not charged":                      {evidence{none, final(maybe), maybe, maybe}, counts{}},
		"charged twice":                             {evidence{[]effect{{"a", noon}, {"b", noon}}, final(yes), yes, yes}, counts{duplicates: 1}},
		"charged, told failed":                      {evidence{a, final(no), no, no}, counts{lost: 1}},
		"charged, last told failed":                 {evidence{a, []told{before}, maybe, maybe}, counts{lost: 1}},
		"charged, told failed, then charged":        {evidence{a, final(no, yes), yes, yes}, counts{lost: 1, wrong: 1}},
		"charged, failed in the books":              {evidence{a, final(yes), no, yes}, counts{lost: 1, wrong: 1}},
		"charged, failed in the store":              {evidence{a, final(yes), yes, no}, counts{lost: 1, wrong: 1}},
		"not charged, told charged":                 {evidence{none, final(yes), yes, yes}, counts{wrong: 1}},
		"not charged, told charged without its ID":  {evidence{none, final(word{applied, ""}), no, no}, counts{wrong: 1}},
		"told another charge":                       {evidence{a, final(word{applied, "x"}), yes, yes}, counts{wrong: 1}},
		"another charge in the books":               {evidence{a, final(yes), word{applied, "x"}, yes}, counts{wrong: 1}},
		"another charge in the store":               {evidence{a, final(yes), yes, word{applied, "x"}}, counts{wrong: 1}},
		"waits for ever":                            {evidence{none, nil, waits, waits}, counts{forgotten: 1}},
		"charged, in flight for ever":               {evidence{a, nil, word{}, waits}, counts{forgotten: 1}},
		"charged, the store does not have it":       {evidence{a, final(yes), yes, waits}, counts{forgotten: 1}},
		"charged, nobody was told":                  {evidence{a, nil, yes, yes}, counts{forgotten: 1}},
		"charged, never in the books":               {evidence{a, final(yes), word{}, yes}, counts{forgotten: 1}},
		"charged, and still open in the books":      {evidence{a, final(yes), waits, yes}, counts{forgotten: 1}},
		"unknown in the store, waiting in the shop": {evidence{a, []told{{word: maybe}}, waits, maybe}, counts{}},
	} {
		var f findings
		f.add(c.evidence)
		if got := (counts{f.duplicates, f.lost, f.forgotten, f.wrong}); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		if sum := c.want.duplicates + c.want.lost + c.want.forgotten + c.want.wrong; f.harm() != sum {
			t.Errorf("%s: harm %d, want %d", name, f.harm(), sum)
		}
		if f.effects != len(c.evidence.charges) || f.orders != 1 {
			t.Errorf("%s: %d orders, %d effects", name, f.orders, f.effects)
		}
	}
}
