package main

import (
	"errors"
	"os"
	"path/filepath"
)

// block is what one write to the disk is measured with: a page of SQLite.
var block = make([]byte, 4096)

// appender appends blocks to a file, and waits for the disk each time.
type appender struct{ file *os.File }

func newAppender(dir string) (*appender, error) {
	f, err := os.Create(filepath.Join(dir, "appended"))
	return &appender{f}, err
}

func (a *appender) append() error {
	if _, err := a.file.Write(block); err != nil {
		return err
	}
	return syncData(a.file)
}

func (a *appender) close() error { return errors.Join(a.file.Close(), os.Remove(a.file.Name())) }
