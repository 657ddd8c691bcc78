package pgtest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The files of a cluster's folder beside the cluster itself.
const (
	// usersFile is locked shared by each process that uses the cluster, exclusively by a keeper that ends it.
	usersFile = "users.lock"
	// keeperFile is locked by the keeper for its whole life.
	keeperFile = "keeper.lock"
	// startFile is locked by the process that starts a keeper.
	startFile = "start.lock"
	// addressFile has the URL of the running cluster.
	addressFile = "address"
	// keeperLog is the keeper's log.
	keeperLog = "keeper.log"
)

// joinCluster makes this process a user of the checkout's cluster for as long as the returned lock is open, starts the
// cluster if need be, and returns its URL.
func joinCluster(ctx context.Context) (address string, users *os.File, err error) {
	dir, err := clusterFolder()
	if err != nil {
		return "", nil, err
	}
	// While a keeper ends the cluster this waits for it.
	if users, err = lock(ctx, filepath.Join(dir, usersFile), syscall.LOCK_SH); err != nil {
		return "", nil, err
	}
	if address, err = ensureKeeper(ctx, dir); err != nil {
		return "", nil, errors.Join(err, users.Close())
	}
	return address, users, nil
}

// ensureKeeper starts a keeper unless there is one. The caller is a user already, so that it does not end meanwhile.
func ensureKeeper(ctx context.Context, dir string) (address string, err error) {
	start, err := lock(ctx, filepath.Join(dir, startFile), syscall.LOCK_EX)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, start.Close()) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		keeper, err := tryLock(filepath.Join(dir, keeperFile), syscall.LOCK_SH)
		if err == nil {
			if err := keeper.Close(); err != nil {
				return "", err
			}
			return startKeeper(ctx, dir)
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return "", err
		}
		text, err := os.ReadFile(filepath.Join(dir, addressFile))
		if !errors.Is(err, os.ErrNotExist) {
			return string(text), err
		}
		// A keeper that is still starting, because the process that started it was killed.
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("wait for the test cluster: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// startKeeper runs this executable as a keeper, in a session of its own so that it outlives this process, and waits
// for the URL of its cluster.
func startKeeper(ctx context.Context, dir string) (address string, err error) {
	executable, err := os.Executable()
	if err != nil {
		return "", err
	}
	log, err := os.OpenFile(filepath.Join(dir, keeperLog), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	answer, answerWriter, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Close() }() // read only
	// Not bound to ctx: it lives on. Nothing of the test's own output is inherited, or `go test` would wait for it.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), executable)
	cmd.Env = append(os.Environ(), keeperVariable+"="+dir)
	cmd.Stderr = log
	cmd.ExtraFiles = []*os.File{answerWriter}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return "", errors.Join(err, answerWriter.Close())
	}
	go func() { _ = cmd.Wait() }() // no zombie if it ends before us
	if err := answerWriter.Close(); err != nil {
		return "", err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := answer.SetReadDeadline(deadline); err != nil {
			return "", err
		}
	}
	line, err := bufio.NewReader(answer).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("wait for the test cluster: %w", err)
	}
	if address, ok := strings.CutSuffix(line, "\n"); ok {
		return address, nil
	}
	said, _ := os.ReadFile(filepath.Join(dir, keeperLog)) // the error below stands without it
	return "", fmt.Errorf("the test cluster did not start (TEST_DATABASE_URL names a server to use instead):\n%s", strings.TrimSpace(string(said)))
}

// clusterFolder makes the folder of this checkout's cluster, one per account, and refuses one of somebody else.
func clusterFolder() (string, error) {
	root, err := checkout()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(root))
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("orderwire-test-%d-%s", os.Geteuid(), hex.EncodeToString(sum[:5])))
	// Any account may enter it, because root's PostgreSQL runs as another account; private files in it have modes of their own.
	if err := os.Mkdir(dir, 0o755); err == nil {
		err = os.Chmod(dir, 0o755) // against a strict umask
		return dir, err
	} else if !errors.Is(err, os.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("%s is not a folder that only this account can change: remove it", dir)
	}
	return dir, nil
}

// checkout is the folder of go.mod above the working directory, which go test sets to the package's folder.
func checkout() (string, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := cwd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return cwd, nil
		}
	}
}

// lock opens a file and waits for a lock on it. Closing the file, or the end of the process, gives it back.
func lock(ctx context.Context, path string, how int) (*os.File, error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		file, err := tryLock(path, how)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return file, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", err, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// tryLock is lock without waiting: EWOULDBLOCK when somebody has it.
func tryLock(path string, how int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
	}
	return file, nil
}
