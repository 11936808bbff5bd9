package faultstore_test

import (
	"context"
	"fmt"
	"time"

	"github.com/retrysafe/retrysafe/store"
	"github.com/retrysafe/retrysafe/store/faultstore"
)

// A program that pays is tried with its store failing at every call. It may
// not pay twice, and it may not forget that it has paid.
func ExampleNew() {
	ctx := context.Background()
	name := store.Name{Kind: "payment", ID: "order-1234"}
	points := 0
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			paid := 0
			pay := func(s store.Store, nonce byte) error {
				grant, err := s.Claim(ctx, store.Claim{Intent: store.Intent{Name: name}, Lease: time.Minute, Nonce: store.Nonce{nonce}})
				if err != nil || grant.Status != store.ClaimAcquired {
					return err
				}
				paid++
				_, err = s.Complete(ctx, grant.Record.Token(), store.Completion{State: store.StateSucceeded})
				return err
			}
			memory := store.NewMemory()
			s, fault := faultstore.New(memory, &faultstore.Options{Call: n, After: after, Crash: true})
			_ = pay(s, 1)      // may crash
			_ = pay(memory, 2) // the next process

			record, err := memory.Get(ctx, name)
			if paid > 1 || err != nil || paid == 0 && record.State == store.StateSucceeded {
				fmt.Println("wrong at call", n, paid, record.State, err)
			}
			if !fault.Reached() {
				break
			}
			points++
		}
	}
	fmt.Println(points, "points of failure, at most one payment at each")
	// Output: 4 points of failure, at most one payment at each
}
