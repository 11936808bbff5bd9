package sqlite_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

var (
	request  = make([]byte, 512)
	response = make([]byte, 512)
)

func order(n int64) store.Name {
	return store.Name{Scope: "acme/stripe/live", Kind: "charges.create", ID: fmt.Sprintf("order-%d", n)}
}

func claimOf(name store.Name) store.Claim {
	c := store.Claim{Intent: store.Intent{Name: name, Owner: "acme", OnLapse: store.LapseResume, Window: 24 * time.Hour, Request: request}, Lease: time.Minute}
	_, _ = rand.Read(c.Nonce[:])
	return c
}

var applied = store.Completion{State: store.StateSucceeded, Result: response}

// lifecycle claims and completes one operation.
func lifecycle(ctx context.Context, s store.Store, name store.Name) error {
	g, err := s.Claim(ctx, claimOf(name))
	if err != nil {
		return err
	}
	_, err = s.Complete(ctx, g.Record.Token(), applied)
	return err
}

// BenchmarkSync is the least that anything durable can cost: one write of 4 KiB
// at the end of a file, and fdatasync.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOneCaller(b *testing.B) {
	for _, lazy := range []bool{false, true} {
		b.Run(fmt.Sprintf("lazy=%t", lazy), func(b *testing.B) {
			s := opened(b)
			c := applied
			c.Lazy = lazy
			n := int64(0)
			for b.Loop() {
				n++
				g, err := s.Claim(b.Context(), claimOf(order(n)))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Complete(b.Context(), g.Record.Token(), c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// filled is a file with so many settled operations.
func filled(b *testing.B, n int64) string {
	name := filepath.Join(os.TempDir(), fmt.Sprintf("retrysafe-bench-%d.db", n))
	db := pool(b, name)
	s := migrated(b, db, nil)
	if _, err := s.Get(b.Context(), order(n)); err == nil {
		return name
	}
	const step = 10_000
	for from := int64(0); from < n; from += step {
		err := s.Batch(b.Context(), func(tx store.Tx) error {
			for i := from + 1; i <= from+step; i++ {
				g, err := tx.Claim(b.Context(), claimOf(order(i)))
				if err != nil {
					return err
				}
				if _, err := tx.Complete(b.Context(), g.Record.Token(), applied); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return name
}

// cpu reports what an operation costs in processor time, which other work on
// the machine changes less than the time it takes.
func cpu(b *testing.B) func() {
	used := func() time.Duration {
		var u syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	return func() { b.ReportMetric(float64((used()-before).Microseconds())/float64(b.N), "cpu-us/op") }
}

func parallel(b *testing.B, callers int, do func(n int64) error) {
	var next atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	defer cpu(b)()
	for range callers {
		group.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
					return
				}
				if err := do(n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

var run atomic.Int64

func BenchmarkCallers(b *testing.B) {
	for _, rows := range []int64{10_000, 1_000_000} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("records=%d/callers=%d", rows, callers), func(b *testing.B) {
				s := migrated(b, pool(b, filled(b, rows)), nil)
				base := time.Now().UnixNano() + run.Add(1)<<20
				parallel(b, callers, func(n int64) error { return lifecycle(b.Context(), s, order(base+n)) })
			})
		}
	}
}

// BenchmarkPlainInserts is what the same rows cost without any protocol: the
// same table and indexes, 64 in a transaction.
func BenchmarkPlainInserts(b *testing.B) {
	for _, rows := range []int64{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("records=%d", rows), func(b *testing.B) {
			db := pool(b, filled(b, rows))
			conn, err := db.Conn(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			for _, q := range []string{"PRAGMA synchronous=FULL", "PRAGMA cache_size=-16384"} {
				if _, err := conn.ExecContext(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
			insertPlain(b, conn)
		})
	}
}

func insertPlain(b *testing.B, conn *sql.Conn) {
	ctx := context.Background()
	stmt, err := conn.PrepareContext(ctx, `INSERT INTO retrysafe_operation (sum,scope,kind,id,owner,generation,fingerprint,state,reason,fence,nonce,mode,runner,told,claims,passes,
		advised,abandoned,resend,on_lapse,key_window,created,updated,settled,retain,purged,conflicts,request,result,partial,aside)
		VALUES (?,?,?,?,?,0,?,3,0,?,?,0,0,1,1,0,0,0,1,1,1,?,?,?,0,0,0,?,?,0,0)`)
	if err != nil {
		b.Fatal(err)
	}
	defer stmt.Close()
	base := time.Now().UnixNano() + run.Add(1)<<20
	var print [32]byte
	b.ResetTimer()
	defer cpu(b)()
	for i := 0; i < b.N; i += 64 {
		if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
			b.Fatal(err)
		}
		for j := range 64 {
			n := order(base + int64(i+j))
			sum, now := n.Sum(), time.Now().UnixMicro()
			var nonce [16]byte
			binary.LittleEndian.PutUint64(nonce[:], uint64(now))
			if _, err := stmt.ExecContext(ctx, sum[:], []byte(n.Scope), []byte(n.Kind), []byte(n.ID), []byte("acme"), print[:], now, nonce[:], now, now, now, request, response); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

func BenchmarkAnswer(b *testing.B) {
	for _, rows := range []int64{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("records=%d", rows), func(b *testing.B) {
			s := migrated(b, pool(b, filled(b, rows)), nil)
			n := int64(0)
			defer cpu(b)()
			for b.Loop() {
				n = (n*7919 + 13) % rows
				g, err := s.Claim(b.Context(), claimOf(order(n+1)))
				if err != nil || g.Status != store.ClaimSettled {
					b.Fatal(g.Status, err)
				}
			}
		})
	}
}
