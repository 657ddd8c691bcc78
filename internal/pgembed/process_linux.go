package pgembed

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// dieWithParent asks the kernel to signal a child when the thread that starts it ends, which includes a kill -9 of this
// process. The thread must therefore live as long as the child (runtime.LockOSThread). It reports whether that is
// possible on this system.
func dieWithParent(attr *syscall.SysProcAttr, signal syscall.Signal) bool {
	attr.Pdeathsig = signal
	return true
}

// worksIn reports whether a process works in a folder, as postgres does in that of its cluster. In doubt it is yes,
// except for zombies, which have no folder.
func worksIn(pid int, folder string) bool {
	cwd, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false
	case err != nil:
		// Not readable for us: another account's process, whereas postgres runs as ours (or we are root).
		return !errors.Is(err, os.ErrPermission)
	}
	if resolved, err := filepath.EvalSymlinks(folder); err == nil {
		folder = resolved
	}
	return cwd == folder
}
