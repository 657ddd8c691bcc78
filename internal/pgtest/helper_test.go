package pgtest

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// helperVariable names a template and makes the test binary a helper: another test process, which uses it and waits
// until its input ends.
const helperVariable = "ORDERWIRE_PGTEST_TEST_HELPER"

func TestMain(m *testing.M) {
	if name := os.Getenv(helperVariable); name != "" {
		if err := help(name); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// help prints how often it had to migrate, and the URL of a clone of the template.
func help(name string) error {
	ctx := context.Background()
	s, err := connect(ctx)
	if err != nil {
		return err
	}
	migrations := 0
	source, err := s.template(ctx, Template{Name: name, Migrate: func(ctx context.Context, url string) error {
		migrations++
		return execute(ctx, url, `CREATE TABLE note (text text)`, `SELECT pg_sleep(0.1)`)
	}})
	if err != nil {
		return err
	}
	clone := fmt.Sprintf("%shelper_%d", clonePrefix, os.Getpid())
	if err := s.clone(ctx, clone, source); err != nil {
		return err
	}
	fmt.Println(migrations, s.url(clone))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

type helper struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

// startHelper does not wait for the helper's answer.
func startHelper(t *testing.T, template string, env ...string) *helper {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), os.Args[0])
	// The race detector makes every process sleep for a second at its end.
	cmd.Env = append(append(os.Environ(), helperVariable+"="+template, "GORACE=atexit_sleep_ms=0"), env...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := &helper{cmd: cmd, stdin: stdin, out: bufio.NewReader(stdout)}
	t.Cleanup(h.end)
	return h
}

// answer waits until the helper has its clone.
func (h *helper) answer(t *testing.T) (migrations int, url string) {
	t.Helper()
	line, err := h.out.ReadString('\n')
	if err != nil || strings.HasPrefix(line, "error") {
		rest, _ := io.ReadAll(h.out)
		t.Fatalf("the helper said %q (%v) %s", line, err, rest)
	}
	if _, err := fmt.Sscanf(line, "%d %s", &migrations, &url); err != nil {
		t.Fatalf("the helper said %q: %v", line, err)
	}
	return migrations, url
}

// end lets the helper end regularly.
func (h *helper) end() {
	_ = h.stdin.Close()
	_ = h.cmd.Wait()
}

// execute runs statements in a database and leaves no connection.
func execute(ctx context.Context, databaseURL string, statements ...string) (err error) {
	db, err := sql.Open("postgres", databaseURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
