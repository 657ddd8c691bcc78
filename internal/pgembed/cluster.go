package pgembed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Cluster is a running PostgreSQL that belongs to this process.
type Cluster struct {
	home      *home
	log       *slog.Logger
	version   string
	socketDir string
	cmd       *exec.Cmd

	mu       sync.Mutex
	stopping bool

	// exited is closed when postgres has ended in any way, done only when it ended by itself. state and err are
	// written before.
	exited, done chan struct{}
	state        error
	err          error
}

// killPatience is the time between the signal for an immediate shutdown and the kill.
const killPatience = 5 * time.Second

// launchAfterBackends launches postgres, again and again while backends of a killed postmaster are still there: they
// notice its death within moments, and until then PostgreSQL refuses to touch the data they may write to.
func (c *Cluster) launchAfterBackends(ctx context.Context, bin binaries, conf string) error {
	deadline := time.NewTimer(predecessorPatience)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := c.launch(ctx, bin, conf)
		var failed *StartError
		if !errors.As(err, &failed) || !strings.Contains(failed.Said, "pre-existing shared memory block") {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-deadline.C:
			return err
		case <-tick.C:
		}
	}
}

// launch runs postgres and waits until it accepts connections. On error it is gone.
func (c *Cluster) launch(ctx context.Context, bin binaries, conf string) error {
	logFile, begin, err := openLog(c.home.logFile())
	if err != nil {
		return err
	}
	defer func() { _ = logFile.Close() }() // postgres has its own descriptor
	// Not bound to ctx: it outlives the start.
	c.cmd = c.home.acc.command(context.WithoutCancel(ctx), filepath.Join(bin.dir, "postgres"),
		"-D", c.home.data(), "-c", "config_file="+conf)
	c.cmd.Stdout, c.cmd.Stderr = logFile, logFile
	c.exited, c.done = make(chan struct{}), make(chan struct{})
	if err := c.run(); err != nil {
		return &StartError{Program: "postgres", Err: err}
	}
	if err := c.awaitReady(ctx, begin); err != nil {
		return err
	}
	go c.boundLog()
	return nil
}

// run starts the process and hands it to a goroutine that stays with it, on one thread: the kernel's parent-death
// signal comes when the thread ends that started the child.
func (c *Cluster) run() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		deathSignal := dieWithParent(c.cmd.SysProcAttr, syscall.SIGINT)
		if err := c.cmd.Start(); err != nil {
			started <- err
			return
		}
		var watcher *watcher
		if !deathSignal {
			var err error
			if watcher, err = watch(c.home.acc, c.cmd.Process.Pid); err != nil {
				_ = c.cmd.Process.Signal(syscall.SIGQUIT)
				_ = c.cmd.Wait()
				started <- err
				return
			}
		}
		started <- nil
		state := c.cmd.Wait()
		if watcher != nil {
			watcher.stop()
		}
		c.ended(state)
	}()
	return <-started
}

// ended records how postgres ended and tells those who wait.
func (c *Cluster) ended(state error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = state
	if !c.stopping {
		c.err = fmt.Errorf("pgembed: PostgreSQL stopped by itself: %s\n  %s", c.cmd.ProcessState,
			complaints(c.home.logFile(), 0))
		close(c.done)
	}
	close(c.exited)
}

// awaitReady waits until postgres accepts connections. Recovery after a crash may take its time, so only ctx bounds it.
func (c *Cluster) awaitReady(ctx context.Context, begin int64) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	slow := time.NewTimer(3 * time.Second)
	defer slow.Stop()
	for !c.home.ready(c.cmd.Process.Pid) {
		select {
		case <-c.exited:
			return &StartError{
				Program: "postgres", Err: fmt.Errorf("it ended with %s", c.cmd.ProcessState),
				Said: complaints(c.home.logFile(), begin), Log: c.home.logFile(),
			}
		case <-ctx.Done():
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), killPatience)
			defer cancel()
			_ = c.Stop(stop) // the reason is ctx's
			return &StartError{
				Program: "postgres", Err: context.Cause(ctx),
				Said: complaints(c.home.logFile(), begin), Log: c.home.logFile(),
			}
		case <-slow.C:
			c.log.InfoContext(ctx, "PostgreSQL is still starting; after a crash it first replays its write-ahead log", "log", c.home.logFile())
		case <-tick.C:
		}
	}
	return nil
}

// boundLog keeps the log within its size while postgres runs.
func (c *Cluster) boundLog() {
	tick := time.NewTicker(logCheckInterval)
	defer tick.Stop()
	for {
		select {
		case <-c.exited:
			return
		case <-tick.C:
			if err := rotateLog(c.home.logFile(), maxLogSize); err != nil {
				c.log.Warn("PostgreSQL's log was not rotated", "error", err)
			}
		}
	}
}

// Stop shuts PostgreSQL down, breaking its connections (fast shutdown), waits until it has ended, and gives up the
// data folder. When ctx ends first it becomes an immediate shutdown (the next start recovers, nothing committed is
// lost), and in the end a kill, and an error says so. Later calls, and calls after PostgreSQL died, return nil.
func (c *Cluster) Stop(ctx context.Context) error {
	c.mu.Lock()
	select {
	case <-c.exited:
		c.mu.Unlock()
		c.home.release()
		return nil
	default:
	}
	c.stopping = true
	c.mu.Unlock()

	began := time.Now()
	c.signal(syscall.SIGINT)
	var forced error
	select {
	case <-c.exited:
	case <-ctx.Done():
		forced = fmt.Errorf("pgembed: PostgreSQL's shutdown was forced: %w", context.Cause(ctx))
		c.signal(syscall.SIGQUIT)
		select {
		case <-c.exited:
		case <-time.After(killPatience):
			c.signal(os.Kill)
			<-c.exited
		}
	}
	c.home.release()
	if forced == nil && c.state != nil {
		return fmt.Errorf("pgembed: PostgreSQL's shutdown: %w", c.state)
	}
	if forced == nil {
		c.log.InfoContext(ctx, "PostgreSQL stopped", "took", time.Since(began).Round(time.Millisecond))
	}
	return forced
}

// signal ignores a process that has just ended.
func (c *Cluster) signal(signal os.Signal) { _ = c.cmd.Process.Signal(signal) }

// Done is closed when PostgreSQL ended without Stop. It restarts its own backends after a crash, so this is serious:
// the server should end too. Err has the reason.
func (c *Cluster) Done() <-chan struct{} { return c.done }

// Err returns the reason for which PostgreSQL ended without Stop: nil before Done is closed.
func (c *Cluster) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}
