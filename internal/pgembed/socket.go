package pgembed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxSocketPath is the longest path of a unix socket that every system takes: sun_path has 104 bytes on macOS and 108
// on Linux, one of them for the final zero.
const maxSocketPath = 103

// socketDir makes the private folder of the socket: run/ in the home, or for a path that no socket can have, a folder
// in the system's temporary one, with run/ a symlink to it.
func (h *home) socketDir() (string, error) {
	dir := filepath.Join(h.dir, "run")
	if !fitsSocket(dir) {
		sum := sha256.Sum256([]byte(h.dir))
		name := fmt.Sprintf("orderwire-%d-%s", h.acc.uid, hex.EncodeToString(sum[:6]))
		short := filepath.Join(os.TempDir(), name)
		if !fitsSocket(short) || !filepath.IsAbs(short) {
			short = filepath.Join("/tmp", name)
		}
		if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("pgembed: %w", err)
		}
		if err := os.Symlink(short, dir); err != nil {
			return "", fmt.Errorf("pgembed: %w", err)
		}
		dir = short
	}
	if err := h.acc.makePrivate(dir); err != nil {
		return "", err
	}
	// Left by a crash. The folder is ours alone and no postgres runs, but PostgreSQL would stop at a lock file whose pid
	// now belongs to another program.
	for _, name := range []string{".s.PGSQL." + port, ".s.PGSQL." + port + ".lock"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("pgembed: %w", err)
		}
	}
	return dir, nil
}

// fitsSocket reports whether a folder can hold the socket and be written in a connection URL, where lib/pq takes a
// comma for a list of hosts.
func fitsSocket(dir string) bool {
	return len(filepath.Join(dir, ".s.PGSQL."+port)) <= maxSocketPath && !strings.ContainsAny(dir, ",\"\\'\n\r")
}
