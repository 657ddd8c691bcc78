package pgembed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// initialise creates the cluster unless there is one. An interrupted initdb leaves no half cluster: it works in a
// folder of its own that is renamed at the end. No other start uses that folder: the processes of an initdb whose server was
// killed write to it for a moment longer. noSync skips flushing it to disk, for tests.
func (h *home) initialise(ctx context.Context, bin binaries, noSync bool) error {
	if major, err := h.majorOfData(); err != nil || major != 0 {
		h.removeUnfinished()
		return err
	}
	if left, err := os.ReadDir(h.data()); err == nil && len(left) > 0 {
		return fmt.Errorf("pgembed: %s is neither empty nor a PostgreSQL cluster: move it away", h.data())
	}
	fresh := h.data() + ".new-" + rand.Text()
	if err := h.acc.makePrivate(fresh); err != nil {
		return err
	}
	defer h.removeUnfinished() // fresh, after an error, and those that earlier starts left
	args := []string{
		"--pgdata=" + fresh, "--username=" + Superuser, "--auth=peer", "--encoding=UTF8",
		// Sort order must not depend on the machine, or an index breaks with an upgrade of the system's libraries.
		"--locale=C", "--data-checksums",
		// A new file of the log is filled with zeros, within somebody's commit: 40 ms for the usual 16 MB.
		"--wal-segsize=4",
	}
	if bin.major >= 17 {
		// The built-in provider knows upper and lower case beyond ASCII and is as stable.
		args = append(args, "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
	}
	if noSync {
		args = append(args, "--no-sync")
	}
	cmd := h.acc.command(ctx, filepath.Join(bin.dir, "initdb"), args...)
	dieWithParent(cmd.SysProcAttr, syscall.SIGTERM)
	// The parent-death signal is bound to the thread.
	runtime.LockOSThread()
	out, err := cmd.CombinedOutput()
	runtime.UnlockOSThread()
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("pgembed: initdb: %w", context.Cause(ctx))
		}
		return &StartError{Program: "initdb", Said: lastLines(string(out), 6), Err: err}
	}
	if err := os.Remove(h.data()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("pgembed: %w", err)
	}
	if err := os.Rename(fresh, h.data()); err != nil {
		return fmt.Errorf("pgembed: %w", err)
	}
	return nil
}

// removeUnfinished removes the folders of interrupted initdbs. One whose processes still write to it may stay: it disturbs
// nothing, and is removed at the next start.
func (h *home) removeUnfinished() {
	left, err := filepath.Glob(h.data() + ".new*")
	if err != nil {
		return
	}
	for _, folder := range left {
		_ = os.RemoveAll(folder)
	}
}
