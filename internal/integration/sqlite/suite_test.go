package sqlite_test

import (
	"testing"

	"github.com/retrysafe/retrysafe/store/storetest"
)

func TestSuite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, leaping)
}

func TestSuiteInRealTime(t *testing.T) {
	t.Parallel()
	storetest.Run(t, stepping)
}
