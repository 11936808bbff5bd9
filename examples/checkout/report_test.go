package main

import (
	"testing"

	"github.com/retrysafe/retrysafe"
)

func TestTheBooksAreComparedWithTheLedger(t *testing.T) {
	const yes, no, maybe = retrysafe.Applied, retrysafe.NotApplied, retrysafe.Unknown
	for name, c := range map[string]struct {
		told    told
		effects []string
		want    account
	}{
		"charged once":               {told{outcome: yes, charge: "a"}, []string{"a"}, account{paid: 1, effects: 1}},
		"charged, answer lost":       {told{outcome: yes}, []string{"a"}, account{paid: 1, effects: 1}},
		"charged twice":              {told{outcome: yes, charge: "b"}, []string{"a", "b"}, account{paid: 1, effects: 2, duplicates: 1, lost: 1}},
		"said charged, was not":      {told{outcome: yes, charge: "a"}, nil, account{paid: 1, wrong: 1}},
		"said charged, nobody knows": {told{outcome: yes}, nil, account{paid: 1, wrong: 1}},
		"another charge than said":   {told{outcome: yes, charge: "x"}, []string{"a"}, account{paid: 1, effects: 1, wrong: 1, lost: 1}},
		"not charged":                {told{outcome: no}, nil, account{refused: 1}},
		"said not charged, was":      {told{outcome: no}, []string{"a"}, account{refused: 1, effects: 1, wrong: 1, failed: 1, lost: 1}},
		"unknown":                    {told{outcome: maybe}, []string{"a"}, account{unknown: 1, effects: 1}},
		"unknown, and not charged":   {told{outcome: maybe}, nil, account{unknown: 1}},
		"unknown, and charged twice": {told{outcome: maybe}, []string{"a", "b"}, account{unknown: 1, effects: 2, duplicates: 1}},
	} {
		var got account
		if got.add(entry{told: c.told}, c.effects); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestEveryMistakeIsHarm(t *testing.T) {
	for _, a := range []account{{duplicates: 1}, {lost: 1}, {wrong: 1}, {failed: 1}} {
		if a.harm() == 0 {
			t.Errorf("%+v is no harm", a)
		}
	}
	if a := (account{orders: 2, paid: 1, unknown: 1, effects: 2}); a.harm() != 0 {
		t.Errorf("%+v is harm", a)
	}
}
