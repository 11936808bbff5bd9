package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The workers are this binary, too.
func TestMain(m *testing.M) {
	if a, ok := assigned(); ok {
		exit(employ(a))
	}
	os.Exit(m.Run())
}

func small(t *testing.T) settings {
	return settings{
		orders: 60, workers: 3, kill: 150 * time.Millisecond, seed: 1,
		store: filepath.Join(t.TempDir(), "shop.db"), limit: 3 * time.Minute,
	}
}

func TestOrdersAreChargedOnceAndNobodyIsToldWrongThoughWorkersAreKilled(t *testing.T) {
	// A machine that is fast is done before anybody is killed.
	for s := small(t); ; s.kill, s.orders = s.kill/2, 2*s.orders {
		s.store = filepath.Join(t.TempDir(), "shop.db")
		if f := harmless(t, s); f.declined > 0 && f.kills > 0 && f.attempts > f.orders {
			return
		} else if s.orders > 2000 {
			t.Fatalf("%d declined, %d kills, %d attempts: nothing is shown", f.declined, f.kills, f.attempts)
		}
	}
}

func harmless(t *testing.T, s settings) findings {
	t.Helper()
	var progress, out strings.Builder
	f, err := charge(t.Context(), s, &progress)
	if err != nil {
		t.Fatal(err)
	}
	f.report(&out, s)
	t.Log("\n" + out.String())
	if f.harm() != 0 {
		t.Errorf("harm was done: %+v", f)
	}
	if f.orders != s.orders || f.paid+f.declined != s.orders || f.effects != f.paid {
		t.Errorf("%d charged and %d declined of %d orders, with %d effects", f.paid, f.declined, f.orders, f.effects)
	}
	if !strings.Contains(progress.String(), fmt.Sprintf("%d of %d orders settled", s.orders, s.orders)) {
		t.Errorf("progress does not reach its end: %q", progress.String()[max(0, progress.Len()-80):])
	}
	return f
}

// A worker whose keys change with every start charges again what it was at when
// it was killed, and never comes back to what it has enqueued.
func TestWorkersThatForgetWhoseKeysTheyUseAreFoundOut(t *testing.T) {
	var f findings
	// A machine that is slow needs more time, and less killing.
	for limit := 2 * time.Second; limit <= 16*time.Second; limit *= 2 {
		s := small(t)
		s.orders, s.kill, s.limit, s.forgetful = 120, limit/40, limit, true
		var err error
		if f, err = charge(t.Context(), s, nil); err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v", f)
		if f.duplicates > 0 && f.forgotten > 0 {
			return
		}
	}
	t.Errorf("%d duplicates and %d forgotten are found, want some of both", f.duplicates, f.forgotten)
}

func TestImpossibleSettingsAreRefused(t *testing.T) {
	there := filepath.Join(t.TempDir(), "there.db")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*settings){
		"no orders":     func(s *settings) { s.orders = 0 },
		"no workers":    func(s *settings) { s.workers = 0 },
		"no time":       func(s *settings) { s.limit = 0 },
		"negative kill": func(s *settings) { s.kill = -1 },
		"old database":  func(s *settings) { s.store = there },
	} {
		s := small(t)
		change(&s)
		if err := run(t.Context(), s, io.Discard, nil); err == nil {
			t.Errorf("%s: is taken", name)
		}
	}
}

func TestALineThatWasCutShortSpoilsNoOther(t *testing.T) {
	name := filepath.Join(t.TempDir(), "told")
	d, err := openDiary(name)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	want := told{Order: "order-1", word: word{applied, "eff_1"}, Final: true}
	for range 2 {
		if err := d.write(want); err != nil {
			t.Fatal(err)
		}
		if _, err := d.file.WriteString("\n" + `{"order":"order-1","outc`); err != nil {
			t.Fatal(err)
		}
	}
	all, err := readDiary(name)
	if err != nil || len(all) != 1 || len(all["order-1"]) != 2 || all["order-1"][1] != want {
		t.Errorf("read %v, %v", all, err)
	}
}
