//go:build unix

package crash_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// scene is a provider, a database file, and the processes that come and go.
type scene struct {
	t        *testing.T
	provider *provider
	plan     plan // what all its processes have in common

	mu    sync.Mutex
	ahead time.Duration // of the test's own store's clock
	told  []told        // by anybody, in order
	asked []asked       // by any application
	begun []string      // enqueued
}

const order = "order-1"

func newScene(t *testing.T, how temper, window time.Duration) *scene {
	t.Helper()
	p, url := startProvider(t, how, max(window, time.Second))
	file := filepath.Join(t.TempDir(), "operations.db")
	tables, err := migrated()
	if err == nil {
		err = os.WriteFile(file, tables, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &scene{t: t, provider: p, plan: plan{
		File: file, URL: url, IDs: []string{order}, Window: window,
		Lease: 30 * time.Second, AttemptTimeout: 10 * time.Second, Backoff: 10 * time.Millisecond,
	}}
}

// child is a process of its own.
type child struct {
	scene *scene
	cmd   *exec.Cmd
	ended chan struct{} // closed when it is dead and everything that it wrote is read

	mu     sync.Mutex
	events []event
	ready  chan struct{}
	err    error
	stderr strings.Builder
}

const childTimeout = 30 * time.Second

// start starts a child, which is dead at the latest at the end of the test.
func (s *scene) start(p plan) *child {
	s.t.Helper()
	text, err := json.Marshal(&p)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), childTimeout)
	c := &child{scene: s, ended: make(chan struct{}), ready: make(chan struct{})}
	c.cmd = exec.CommandContext(ctx, os.Args[0])
	// The race detector lets a process that ends sleep for a second.
	c.cmd.Env = append(os.Environ(), planVariable+"="+string(text), "GORACE=atexit_sleep_ms=0")
	c.cmd.Stderr = &c.stderr
	lines, err := c.cmd.StdoutPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		cancel()
		s.t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		defer cancel()
		c.read(bufio.NewScanner(lines))
		c.err = c.cmd.Wait()
	}()
	s.t.Cleanup(func() { c.kill() })
	return c
}

func (c *child) read(lines *bufio.Scanner) {
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			e.Failed = "wrote what cannot be read: " + err.Error()
			c.scene.t.Errorf("child: %s: %q", e.Failed, lines.Text())
		}
		if e == (event{}) {
			close(c.ready)
		}
		c.scene.heard(e)
		c.mu.Lock()
		c.events = append(c.events, e)
		c.mu.Unlock()
	}
}

// heard keeps what somebody may rely on from now on.
func (s *scene) heard(e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Told != nil {
		s.told = append(s.told, *e.Told)
	}
	if e.Asked != nil {
		s.asked = append(s.asked, *e.Asked)
	}
	if e.Begun != "" {
		s.begun = append(s.begun, e.Begun)
	}
}

// kill ends the process and returns when it has ended.
func (c *child) kill() {
	c.cmd.Process.Kill()
	<-c.ended
}

// has reports whether an event of the process makes is true.
func (c *child) has(is func(event) bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.events, is)
}

// await waits until an event makes is true, or the process ends.
func (c *child) await(is func(event) bool) bool {
	for !c.has(is) {
		select {
		case <-c.ended:
			return c.has(is)
		case <-time.After(time.Millisecond):
		}
	}
	return true
}

func reached(point string) func(event) bool {
	return func(e event) bool { return e.Reached != "" && (point == "" || e.Reached == point) }
}

// finished waits for the process, and fails the test if it did not end well.
func (c *child) finished() {
	c.scene.t.Helper()
	<-c.ended
	if c.err != nil {
		c.scene.t.Fatalf("child: %v: %v %s", c.err, c.failure(), c.stderr.String())
	}
}

func (c *child) failure() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if e.Failed != "" {
			return e.Failed
		}
	}
	return ""
}

// killed waits for the process, and reports whether it died of SIGKILL.
func (c *child) killed() bool {
	<-c.ended
	var exit *exec.ExitError
	if !errors.As(c.err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// dies runs a child that is killed at a point, and fails the test if it does
// not get there.
func (s *scene) dies(p plan, point string, nth int) {
	s.t.Helper()
	var c *child
	struck := false
	if strings.HasSuffix(point, " effect") {
		started := make(chan struct{})
		s.provider.aims(point, func() {
			<-started
			struck = true
			c.kill()
		})
		c = s.start(p)
		close(started)
		<-c.ended
		s.provider.settle() // What it has begun goes on without its caller.
	} else {
		p.Aim = aim{Point: point, Nth: nth, Signal: killSignal}
		c = s.start(p)
		<-c.ended
		struck = c.has(reached(point))
	}
	if !struck || !c.killed() {
		s.t.Fatalf("never reached %q (%d): %v %v %s", point, nth, c.err, c.failure(), c.stderr.String())
	}
}

// with is the scene's plan with another way.
func (s *scene) with(how way) plan {
	p := s.plan
	p.Way = how
	return p
}

// name is the operation's in the store.
func name(id string) store.Name {
	return store.Name{Scope: "acme/test", Kind: createCharge.Name, ID: id}
}

// askedAfter reports whether an application asked for an operation after a time.
func (s *scene) askedAfter(id string, at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.asked, func(a asked) bool { return a.ID == id && a.At.After(at) })
}
