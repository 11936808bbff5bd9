package main

import (
	"os"
	"syscall"
)

// syncData waits until the disk has a file's bytes, and of its other properties
// only what is needed to read them: what SQLite does on Linux.
func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
