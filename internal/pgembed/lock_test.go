package pgembed

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An account that can open the lock can hold it. So it is private, even if an earlier version made it readable for all, and no
// other account's file or folder is accepted as the lock.
func TestLockIsPrivate(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	dir, err := os.MkdirTemp("", "owlock-") // which the account that runs postgres for root can enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // as said above
		t.Fatal(err)
	}
	path := filepath.Join(dir, "postgres", "lock")
	for _, before := range []string{"no lock", "a lock for all to read"} {
		if before != "no lock" {
			if err := os.Chmod(path, 0o644); err != nil { //nolint:gosec // an insecure mode on purpose
				t.Fatal(err)
			}
		}
		h, err := openHome(dir, log)
		if err != nil {
			t.Fatal(err)
		}
		h.release()
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want -rw-------", before, info.Mode(), err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(dir, "elsewhere")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	if h, err := openHome(dir, log); err == nil {
		h.release()
		t.Error("a symlink is taken for the lock")
	}
	if os.Geteuid() != 0 {
		return // only root can give files away
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	const stranger = 54321
	for _, theirs := range []string{path, filepath.Dir(path)} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(theirs, stranger, stranger); err != nil {
			t.Fatal(err)
		}
		if h, err := openHome(dir, log); err == nil {
			h.release()
			t.Errorf("%s of a stranger is taken for our own", theirs)
		} else if !strings.Contains(err.Error(), "DATA_DIR") {
			t.Errorf("%s: %v does not say what to do", theirs, err)
		}
		if err := os.Chown(theirs, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
}
