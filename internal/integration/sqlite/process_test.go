package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/store"
	"github.com/retrysafe/retrysafe/store/sqlstore"
)

// What a test's other processes are told in their environment.
const (
	childRole = "RETRYSAFE_SQLITE_CHILD"
	childFile = "RETRYSAFE_SQLITE_FILE"
	childTime = 5 * time.Second
	writers   = 50
	sharedIDs = 200
)

// TestChild is what another process of a test does.
func TestChild(t *testing.T) {
	role := os.Getenv(childRole)
	if role == "" {
		return
	}
	s := migrated(t, pool(t, os.Getenv(childFile)), nil)
	switch role {
	case "storm":
		fmt.Printf("moves=%d\n", storm(t, s))
	case "race":
		fmt.Printf("won=%d\n", race(t, s))
	}
}

// children runs a role in n processes on one file, and returns the sum of what
// they print.
func children(t *testing.T, n int, role, file, what string) (sum int) {
	t.Helper()
	var group sync.WaitGroup
	var mu sync.Mutex
	for range n {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestChild$", "-test.v")
			cmd.Env = append(os.Environ(), childRole+"="+role, childFile+"="+file)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("a process: %v\n%s", err, out)
				return
			}
			_, rest, _ := strings.Cut(string(out), what+"=")
			line, _, _ := strings.Cut(rest, "\n")
			count, err := strconv.Atoi(line)
			if err != nil {
				t.Errorf("a process printed %s", out)
			}
			mu.Lock()
			sum += count
			mu.Unlock()
		})
	}
	group.Wait()
	return sum
}

// storm writes as much as it can for a while, from many goroutines, also on
// names that the other process writes. No error is allowed.
func storm(t *testing.T, s *sqlstore.Store) int {
	until := time.Now().Add(childTime)
	var moves atomic.Int64
	together(writers, func(i int) {
		for n := int64(i); time.Now().Before(until); n += writers {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			g, err := s.Claim(ctx, claimOf(order(n%sharedIDs)))
			if err == nil && g.Status == store.ClaimAcquired {
				_, err = s.Complete(ctx, g.Record.Token(), store.Completion{State: store.StateFailed, Reason: store.ReasonNotRun})
			}
			cancel()
			if err != nil {
				t.Error(err)
				return
			}
			moves.Add(1)
		}
	})
	return int(moves.Load())
}

func TestTwoProcessesWriteAndNobodyIsTurnedAway(t *testing.T) {
	name := file(t)
	moves := children(t, 2, "storm", name, "moves")
	if moves < writers {
		t.Errorf("%d moves", moves)
	}
	t.Logf("%d moves in %v", moves, childTime)
	records, err := migrated(t, pool(t, name), nil).List(t.Context(), store.Filter{Limit: 2 * sharedIDs})
	if err != nil || len(records) == 0 {
		t.Fatal(len(records), err)
	}
	for _, r := range records {
		if r.State != store.StateFailed || r.Reason != store.ReasonNotRun {
			t.Errorf("%s is %s", r.ID, r.State)
		}
	}
}

// race claims each of many names once, with 100 goroutines at a time, and
// returns how many it won.
func race(t *testing.T, s *sqlstore.Store) int {
	var won atomic.Int64
	for n := range int64(20) {
		together(100, func(int) {
			g, err := s.Claim(t.Context(), claimOf(order(n)))
			switch {
			case err != nil:
				t.Error(err)
			case g.Status == store.ClaimAcquired:
				won.Add(1)
			case g.Status != store.ClaimHeld:
				t.Errorf("a claim: %v", g.Status)
			}
		})
	}
	return int(won.Load())
}

func TestOfTwoProcessesAndManyGoroutinesOneClaims(t *testing.T) {
	if won := children(t, 2, "race", file(t), "won"); won != 20 {
		t.Errorf("20 names were claimed %d times", won)
	}
}

// TestAClaimWaitsForOthersUntilItsContextEnds: another connection holds the
// lock, and those whose callers left are not made afterwards.
func TestAClaimWaitsForOthersUntilItsContextEnds(t *testing.T) {
	name := file(t)
	s := migrated(t, pool(t, name), nil)
	other := pool(t, name)
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	begin := func(q string) {
		if _, err := conn.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	begin("BEGIN IMMEDIATE")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	together(10, func(i int) {
		_, err := s.Claim(ctx, claimOf(order(int64(i))))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	done := make(chan error, 1)
	go func() { _, err := s.Claim(t.Context(), claimOf(order(1))); done <- err }()
	time.Sleep(200 * time.Millisecond)
	begin("COMMIT")
	if err := <-done; err != nil {
		t.Error(err)
	}
	records, err := s.List(t.Context(), store.Filter{Limit: 100})
	if err != nil || len(records) != 1 {
		t.Errorf("%d records, %v: those whose callers left were made too", len(records), err)
	}
}
