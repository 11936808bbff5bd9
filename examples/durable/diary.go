package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"time"
)

// told is one line of the diary: what a worker was told of an order.
type told struct {
	Order string `json:"order"`
	word
	At time.Time `json:"at"`
	// Final: it did not ask again.
	Final bool `json:"final"`
}

// diary is a file to which every worker appends what it is told, before it does
// anything about it.
type diary struct{ file *os.File }

func openDiary(name string) (diary, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return diary{f}, err
}

// write appends a line in one system call. It begins with a line feed, so that
// one that a killed process has cut short spoils no other.
func (d diary) write(t told) error {
	line, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = d.file.Write(append(append([]byte{'\n'}, line...), '\n'))
	return err
}

func (d diary) close() error { return d.file.Close() }

// readDiary returns what was told of each order. On a line that was cut short
// nobody has acted.
func readDiary(name string) (map[string][]told, error) {
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	all := map[string][]told{}
	for line := range bytes.Lines(text) {
		var t told
		if json.Unmarshal(line, &t) == nil {
			all[t.Order] = append(all[t.Order], t)
		}
	}
	return all, nil
}
