package pgembed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// predecessorPatience bounds the wait for the postgres of a killed server. It begins a fast shutdown at once, and that
// ends with a checkpoint, whose length depends on the disk.
const predecessorPatience = 30 * time.Second

// awaitPredecessor waits until no postgres runs on the cluster, and then removes the leftovers of a crash. The lock is ours, so a
// postgres that still runs has lost its server and is shutting down, or a person started it. It gets time to end; then an error
// names it. It is never stopped.
func (h *home) awaitPredecessor(ctx context.Context, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, predecessorPatience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for waiting := false; ; waiting = true {
		pid := h.postmaster()
		if pid == 0 {
			break
		}
		if !waiting {
			log.InfoContext(ctx, "waiting for the PostgreSQL of a server that was killed to finish its shutdown", "pid", pid)
		}
		select {
		case <-ctx.Done():
			return &OwnedError{DataDir: h.dataDir, PID: pid, Postmaster: true}
		case <-tick.C:
		}
	}
	// PostgreSQL would refuse a left-over file whose pid now belongs to some other program of the same account, as
	// happens after a reboot. It still guards against living backends by its shared memory segment.
	if err := os.Remove(h.pidFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("pgembed: remove the stale pid file: %w", err)
	}
	return nil
}

func (h *home) pidFile() string { return filepath.Join(h.data(), "postmaster.pid") }

// postmaster is the pid of the postgres that runs on the cluster, 0 when there is none. A pid in the file counts only
// if that process is indeed a postgres working in this folder.
func (h *home) postmaster() int {
	lines := h.pidFileLines()
	if len(lines) == 0 {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 0 {
		return 0
	}
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return 0
	}
	if !worksIn(pid, h.data()) {
		return 0
	}
	return pid
}

// pidFileLines is the content of postmaster.pid (PostgreSQL's miscadmin.h lists its lines); nil when there is none.
func (h *home) pidFileLines() []string {
	text, err := os.ReadFile(h.pidFile())
	if err != nil {
		return nil
	}
	return strings.Split(string(text), "\n")
}

// ready reports whether the postmaster with this pid accepts connections: it says so in the eighth line of its pid
// file. Reading that costs nothing and, unlike trying to connect, leaves no errors in the log.
func (h *home) ready(pid int) bool {
	lines := h.pidFileLines()
	return len(lines) >= 8 && strings.TrimSpace(lines[0]) == strconv.Itoa(pid) && strings.TrimSpace(lines[7]) == "ready"
}
