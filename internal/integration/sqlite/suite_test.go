package sqlite_test

import (
	"testing"

	"github.com/retrysafe/retrysafe/store/storetest"
)

func TestSuite(t *testing.T) {
	t.Parallel()
	suite(t, leaping)
}

func TestSuiteInRealTime(t *testing.T) {
	t.Parallel()
	suite(t, stepping)
}

// suite runs what every store passes. With the race detector it is a few random
// moves: what runs at the same time is in the tests of processes, histories and
// lost commits.
func suite(t *testing.T, open func(*testing.T) storetest.Subject) {
	t.Helper()
	if !racing {
		storetest.Run(t, open)
		return
	}
	storetest.Lockstep(t, 1, 100, open(t))
}
