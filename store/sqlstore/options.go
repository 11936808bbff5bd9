package sqlstore

import (
	"database/sql"
	"fmt"
	"regexp"
	"time"
)

// Options are what can be chosen. The zero value is the default of each.
type Options struct {
	// Prefix begins the names of the store's tables: letters, digits and
	// underscores, at most 40, the first no digit. Empty: "retrysafe_".
	Prefix string
	// Queue is how many moves may wait for a commit; further callers wait until
	// there is room, as long as their contexts allow. 0: 1024.
	Queue int
	// KeepFileMode leaves the permissions of SQLite's files as they are. Else
	// only their owner may read and write them (0600).
	KeepFileMode bool
	// Now is the wall clock. nil: time.Now. Where it goes back, the store's time
	// goes on by Go's monotonic clock.
	Now func() time.Time
}

const (
	defaultPrefix = "retrysafe_"
	defaultQueue  = 1024
)

var prefixRule = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,39}$`)

func (o *Options) withDefaults() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	if c.Queue == 0 {
		c.Queue = defaultQueue
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case !prefixRule.MatchString(c.Prefix):
		return c, fmt.Errorf("sqlstore: prefix %q: want letters, digits and underscores, at most 40, the first no digit", c.Prefix)
	case c.Queue < 0:
		return c, fmt.Errorf("sqlstore: negative queue %d", c.Queue)
	}
	return c, nil
}

// checkPool refuses what can be seen of a pool without using it.
func checkPool(db *sql.DB) error {
	if db == nil {
		return fmt.Errorf("sqlstore: %w: no pool", ErrUnusable)
	}
	if n := db.Stats().MaxOpenConnections; n == 1 {
		return fmt.Errorf("sqlstore: %w: its pool allows one connection, and the store needs one to write and others to read", ErrUnusable)
	}
	return nil
}
