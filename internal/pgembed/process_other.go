//go:build !linux

package pgembed

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent does nothing: only Linux has a parent-death signal. A watcher (watch.go) stands in for it.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) bool { return false }

// worksIn reports whether a process looks like the postgres of a folder: its command line names postgres and the
// folder. In doubt, when ps fails, it is no; PostgreSQL itself then still refuses a second postmaster.
func worksIn(pid int, folder string) bool {
	out, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "postgres") && strings.Contains(string(out), folder)
}
