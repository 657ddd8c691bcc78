package pgembed

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
)

// watcher is a shell that reads from a pipe only this process writes to. If this process dies, the read ends and the
// shell asks postgres for a fast shutdown. It stands in for the parent-death signal where there is none.
type watcher struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

func watch(acc account, pid int) (*watcher, error) {
	// Its life ends by the pipe, not by a context.
	cmd := acc.command(context.Background(), "/bin/sh", "-c", `read -r done || kill -INT "$1"`, "sh", strconv.Itoa(pid))
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("pgembed: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("pgembed: start the watcher: %w", err)
	}
	return &watcher{cmd: cmd, pipe: pipe}, nil
}

// stop ends the watcher without a signal to anybody: the pid it knows may belong to another process by now.
func (w *watcher) stop() {
	_, _ = io.WriteString(w.pipe, "done\n")
	_ = w.cmd.Wait()
}
