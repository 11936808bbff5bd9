package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync/atomic"
	"time"
)

// crew is the workers' processes, and who kills them.
type crew struct {
	settings
	provider string
	chance   *rand.Rand

	processes []*process
	starts    int
	kills     int
	took      time.Duration
}

// process is one start of a worker.
type process struct {
	cmd    *exec.Cmd
	input  io.Closer // its end is the end of work
	atWork greeting
	ended  chan error // of the process, once
}

// greeting is what a worker says when it has opened the database.
type greeting struct{ atomic.Bool }

func (g *greeting) Write(text []byte) (int, error) {
	g.Store(true)
	return len(text), nil
}

func newCrew(s settings, provider string) *crew {
	return &crew{settings: s, provider: provider, chance: draw(s.seed, "kill")}
}

// work lets the workers work, and kills them, until every order is settled or the
// time is over.
func (c *crew) work(ctx context.Context, s *shop, progress io.Writer) error {
	begin := time.Now()
	for n := range c.workers {
		p, err := c.start(n)
		if err != nil {
			return err
		}
		c.processes = append(c.processes, p)
	}
	look, kill := time.NewTicker(50*time.Millisecond), time.NewTimer(c.untilKill())
	defer look.Stop()
	defer kill.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-kill.C:
			if err := c.killOne(); err != nil {
				return err
			}
			kill.Reset(c.untilKill())
		case <-look.C:
			settled, err := s.settled(ctx)
			if err == nil {
				err = c.alive()
			}
			if err != nil {
				return err
			}
			c.took = time.Since(begin)
			show(progress, "%d of %d orders settled, %d kills, %.1f s", settled, c.orders, c.kills, c.took.Seconds())
			if settled == c.orders || c.took >= c.limit {
				return nil
			}
		}
	}
}

// untilKill is memoryless, as misfortune is.
func (c *crew) untilKill() time.Duration {
	if c.kill == 0 {
		return c.limit
	}
	return time.Duration(c.chance.ExpFloat64() * float64(c.kill))
}

// killOne ends one worker without a warning, and starts it again. One that has not
// begun to work yet is mostly spared, because on a slow machine none would get
// there.
func (c *crew) killOne() error {
	n, spares := c.chance.IntN(c.workers), c.chance.IntN(8) > 0
	victim := c.processes[n]
	if c.kill == 0 || spares && !victim.atWork.Load() {
		return nil
	}
	if err := c.alive(); err != nil {
		return err
	}
	if err := victim.cmd.Process.Kill(); err != nil {
		return err
	}
	<-victim.ended
	c.kills++
	p, err := c.start(n)
	if err == nil {
		c.processes[n] = p
	}
	return err
}

// alive says if a worker has ended by itself, which none should.
func (c *crew) alive() error {
	for n, p := range c.processes {
		select {
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("worker %d has ended by itself: %v", n, err)
		default:
		}
	}
	return nil
}

func (c *crew) start(n int) (*process, error) {
	c.starts++
	a := assignment{
		Number: n, Workers: c.workers, Orders: c.orders, Seed: c.seed,
		Store: c.store, Provider: c.provider, Account: accountName,
	}
	if c.forgetful {
		a.Account = fmt.Sprintf("%s/start-%d", accountName, c.starts)
	}
	text, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(program), ended: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), assignmentVariable+"="+string(text))
	p.cmd.Stdout, p.cmd.Stderr = &p.atWork, os.Stderr
	if p.input, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.ended <- p.cmd.Wait() }()
	return p, nil
}

// dismiss ends the workers: they may finish what they are at, but not for long.
func (c *crew) dismiss() {
	for _, p := range c.processes {
		p.input.Close()
	}
	for _, p := range c.processes {
		select {
		case <-p.ended:
		case <-time.After(5 * time.Second):
			p.cmd.Process.Kill()
			<-p.ended
		}
	}
	c.processes = nil
}

// show writes over the line of progress.
func show(progress io.Writer, format string, args ...any) {
	if progress != nil {
		fmt.Fprintf(progress, "\r\033[K"+format, args...)
	}
}
