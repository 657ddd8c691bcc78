package pgembed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// account is the operating system account that postgres runs as.
type account struct {
	uid, gid uint32
	name     string
	// other is true when that is not this process's own account, so that its children must be switched to it.
	other bool
}

// chooseAccount is this process's own account, or for root, which PostgreSQL refuses, the owner of the data (so that
// installing a postgres account later does not lock us out), else postgres, else nobody.
func chooseAccount(data string) (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid()), name: accountName(os.Geteuid())}, nil
	}
	if info, err := os.Lstat(data); err == nil && ownerOf(info) != 0 {
		uid := ownerOf(info)
		return account{uid: uid, gid: groupOf(info), name: accountName(int(uid)), other: true}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(found.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(found.Gid, 10, 32)
		if errUID != nil || errGID != nil || uid == 0 {
			continue
		}
		return account{uid: uint32(uid), gid: uint32(gid), name: name, other: true}, nil
	}
	return account{}, errors.New("pgembed: PostgreSQL refuses to run as root and there is neither a postgres nor a nobody account: " +
		"run the server as an ordinary user, or set DATABASE_URL")
}

// accountName is the login name of a user id: what PostgreSQL's peer authentication will see.
func accountName(uid int) string {
	if found, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return found.Username
	}
	// Without cgo the Go library reads /etc/passwd only; id asks the directory service too.
	if out, err := exec.Command("id", "-un", "--", strconv.Itoa(uid)).Output(); err == nil {
		return strings.TrimSpace(string(out))
	}
	return strconv.Itoa(uid)
}

// command prepares a program that runs as the account, in a process group of its own (so that a terminal's Ctrl-C
// reaches us alone and the shutdown keeps its order), with only the environment that it needs: a stray PGDATA or PGOPTIONS must not
// leak in.
func (a account) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = "/" // a folder that every account can enter
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	for _, name := range []string{"LD_LIBRARY_PATH", "TMPDIR"} {
		if value := os.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if a.other {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return cmd
}

// canEnter reports whether the account can traverse to a folder. The kernel is asked, through a shell that runs as the
// account, because mode bits alone miss access lists, mounts and namespaces. An error means that this process cannot
// run anything as the account.
func (a account) canEnter(folder string) (bool, error) {
	if !a.other {
		return true, nil
	}
	// It takes milliseconds. A caller that has been cancelled must not read as "no".
	err := a.command(context.Background(), "/bin/sh", "-c", `cd "$1"`, "sh", folder).Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return false, nil
	case errors.Is(err, os.ErrNotExist):
		return true, nil // an image without a shell: what comes next will tell
	case err != nil:
		return false, fmt.Errorf("pgembed: PostgreSQL refuses to run as root, and here root may not run it as the account %s: "+
			"run the server as an ordinary user, or set DATABASE_URL: %w", a.name, err)
	}
	return true, nil
}

// makePrivate makes a folder that only the account may look into.
func (a account) makePrivate(folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil && !os.IsExist(err) {
		return fmt.Errorf("pgembed: %w", err)
	}
	if a.other {
		if err := os.Lchown(folder, int(a.uid), int(a.gid)); err != nil {
			return fmt.Errorf("pgembed: %w", err)
		}
	}
	info, err := os.Lstat(folder)
	if err != nil {
		return fmt.Errorf("pgembed: %w", err)
	}
	if !info.IsDir() || ownerOf(info) != a.uid {
		return fmt.Errorf("pgembed: %s is not a folder of the account %s: remove it", folder, a.name)
	}
	if err := os.Chmod(folder, 0o700); err != nil {
		return fmt.Errorf("pgembed: %w", err)
	}
	return nil
}

// ownerOf is the user id a file belongs to, groupOf its group id.
func ownerOf(info os.FileInfo) uint32 { return stat(info).Uid }
func groupOf(info os.FileInfo) uint32 { return stat(info).Gid }

// stat returns the system's own information about a file, which the os package keeps on every unix.
func stat(info os.FileInfo) *syscall.Stat_t {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat
	}
	panic(fmt.Sprintf("pgembed: %s has no unix owner", info.Name()))
}
