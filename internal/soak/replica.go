package soak

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// replica is a real server process at an address that stays the same across restarts.
type replica struct {
	binary string
	addr   string
	admin  string
	env    []string
	stderr io.Writer
	cmd    *exec.Cmd
}

func newReplica(binary, databaseURL string, stderr io.Writer, env ...string) (*replica, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	admin, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return &replica{
		binary: binary, addr: addr, admin: admin, stderr: stderr,
		env: append([]string{"PATH=" + os.Getenv("PATH"), "ADDR=" + addr, "ADMIN_ADDR=" + admin, "DATABASE_URL=" + databaseURL}, env...),
	}, nil
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func (r *replica) url() string { return "http://" + r.addr }

// start returns when the server says that it is ready. It lives until kill or stop, whatever started it again.
func (r *replica) start() error {
	r.cmd = exec.Command(r.binary)
	r.cmd.Env, r.cmd.Stderr = r.env, r.stderr
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := r.cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.Contains(line, "ready") {
		return fmt.Errorf("the server at %s did not start: %q, %w", r.addr, line, errors.Join(err, r.kill()))
	}
	return nil
}

// kill is kill -9; a stopped process dies of it too.
func (r *replica) kill() error {
	if r.cmd == nil || r.cmd.Process == nil {
		return nil
	}
	err := r.cmd.Process.Kill()
	_ = r.cmd.Wait() // "signal: killed"
	r.cmd = nil
	return err
}

func (r *replica) signal(s syscall.Signal) error { return r.cmd.Process.Signal(s) }

// stop asks the server to end, and returns how it ended.
func (r *replica) stop() error {
	if r.cmd == nil {
		return nil
	}
	if err := r.signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := r.cmd.Wait()
	r.cmd = nil
	return err
}
