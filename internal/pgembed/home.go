package pgembed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// home is the folder that holds one cluster and all that belongs to it, locked by this process.
type home struct {
	// dataDir is Config.DataDir, absolute, for messages.
	dataDir string
	// dir is DataDir/postgres, or where that symlink points to.
	dir  string
	acc  account
	lock *os.File
}

func (h *home) data() string    { return filepath.Join(h.dir, "data") }
func (h *home) logFile() string { return filepath.Join(h.dir, "postgres.log") }

// openHome finds or makes the home of a data folder and takes its lock.
func openHome(dataDir string, log *slog.Logger) (*home, error) {
	dataDir, err := filepath.Abs(dataDir)
	if err != nil {
		return nil, fmt.Errorf("pgembed: %w", err)
	}
	if err := makeReadable(dataDir); err != nil {
		return nil, err
	}
	h := &home{dataDir: dataDir, dir: filepath.Join(dataDir, "postgres")}
	abandoned := false
	info, err := os.Lstat(h.dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		abandoned, err = h.settle(log)
	case err == nil && info.Mode()&os.ModeSymlink != 0:
		err = h.follow()
	case err == nil:
		err = h.stay()
	}
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(h.data()); err == nil && ownerOf(info) != h.acc.uid {
		return nil, fmt.Errorf("pgembed: the database in %s belongs to the account %s: run the server as that account (or as root), or choose another data folder (DATA_DIR)",
			h.dir, accountName(int(ownerOf(info))))
	}
	if err := h.takeLock(); err != nil {
		return nil, err
	}
	if abandoned {
		if err := h.setAside(log); err != nil {
			h.release()
			return nil, err
		}
	}
	return h, nil
}

// settle makes a new home: in the data folder, or for root, where the account that will run postgres cannot get there,
// in a system folder with a symlink to it. abandoned says that an earlier cluster is still there although the data
// folder that pointed to it has been removed.
func (h *home) settle(log *slog.Logger) (abandoned bool, err error) {
	if h.acc, err = chooseAccount(h.data()); err != nil {
		return false, err
	}
	if can, err := h.acc.canEnter(h.dataDir); err != nil {
		return false, err
	} else if can {
		return false, makeReadable(h.dir)
	}
	sum := sha256.Sum256([]byte(h.dataDir))
	key := hex.EncodeToString(sum[:6])
	var failed error
	for _, dir := range []string{filepath.Join("/var/lib/orderwire", key), filepath.Join("/var/tmp", "orderwire-"+key)} {
		if failed = h.reserve(dir); failed != nil {
			continue
		}
		if err := os.Symlink(dir, h.dir); err != nil {
			return false, fmt.Errorf("pgembed: %w", err)
		}
		h.dir = dir
		if h.acc, err = chooseAccount(h.data()); err != nil {
			return false, err
		}
		log.Info("PostgreSQL's data is kept outside of the data folder, which its account cannot enter",
			"account", h.acc.name, "dataDir", h.dataDir, "keptIn", dir)
		_, err := os.Lstat(h.data())
		return err == nil, nil
	}
	return false, fmt.Errorf("pgembed: the account %s cannot enter %s, and no other place serves: %w", h.acc.name, h.dataDir, failed)
}

// follow makes the target of the symlink DataDir/postgres the home.
func (h *home) follow() error {
	target, err := os.Readlink(h.dir)
	if err != nil {
		return fmt.Errorf("pgembed: %w", err)
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(h.dataDir, target)
	}
	if os.Geteuid() == 0 {
		err = makeTrusted(target)
	} else if _, err = os.Stat(target); err != nil {
		err = fmt.Errorf("pgembed: %s points to %s: %w", h.dir, target, err)
	}
	if err != nil {
		return err
	}
	h.dir = target
	h.acc, err = chooseAccount(h.data())
	return err
}

// stay keeps the home that is in the data folder.
func (h *home) stay() (err error) {
	if h.acc, err = chooseAccount(h.data()); err != nil {
		return err
	}
	can, err := h.acc.canEnter(h.dir)
	if err == nil && !can {
		err = fmt.Errorf("pgembed: the account %s, which runs PostgreSQL for root, cannot enter %s: open the folders above it to that account, or run the server as an ordinary user",
			h.acc.name, h.dir)
	}
	return err
}

// reserve makes a folder outside of the data folder.
func (h *home) reserve(dir string) error {
	if err := makeTrusted(dir); err != nil {
		return err
	}
	can, err := h.acc.canEnter(dir)
	if err == nil && !can {
		err = fmt.Errorf("pgembed: the account %s cannot enter %s", h.acc.name, dir)
	}
	return err
}

// setAside renames an abandoned cluster, so that a removed data folder means an empty database, as it does everywhere
// else, and a mistake can still be undone until the next one.
func (h *home) setAside(log *slog.Logger) error {
	if h.postmaster() > 0 {
		return nil // it is still in use; awaitPredecessor says so
	}
	aside := h.data() + ".removed"
	if err := os.RemoveAll(aside); err != nil {
		return fmt.Errorf("pgembed: %w", err)
	}
	if err := os.Rename(h.data(), aside); err != nil {
		return fmt.Errorf("pgembed: %w", err)
	}
	log.Warn("DATA_DIR was removed, so the server starts with an empty database; the former database was moved aside", "former", aside)
	return nil
}

// takeLock makes this process the owner. The kernel gives the lock back when the process ends in any way, and
// postgres does not inherit it.
func (h *home) takeLock() error {
	file, err := h.openLock()
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		owned := &OwnedError{DataDir: h.dataDir}
		text := make([]byte, 20)
		n, _ := file.ReadAt(text, 0) // the pid is a courtesy: unreadable is 0
		owned.PID, _ = strconv.Atoi(strings.TrimSpace(string(text[:n])))
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return owned
		}
		return fmt.Errorf("pgembed: lock %s: %w", file.Name(), err)
	}
	h.lock = file
	if err := file.Truncate(0); err != nil {
		return fmt.Errorf("pgembed: %w", err)
	}
	if _, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("pgembed: %w", err)
	}
	return nil
}

// openLock opens the lock file so that no other account can. An account that can open it, even for reading, can hold its lock and
// keep the server from starting. A lock file or folder that another account has prepared is refused.
func (h *home) openLock() (*os.File, error) {
	path := filepath.Join(h.dir, "lock")
	if info, err := os.Stat(h.dir); err != nil {
		return nil, fmt.Errorf("pgembed: %w", err)
	} else if !h.ours(info) {
		return nil, fmt.Errorf("pgembed: %s belongs to the account %s, which could keep the server from starting: remove it, or choose another data folder (DATA_DIR)",
			h.dir, accountName(int(ownerOf(info))))
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("pgembed: %w", err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular() || !h.ours(info):
		err = fmt.Errorf("%s is not a file of the account that runs the server: remove it, or choose another data folder (DATA_DIR)", path)
	case info.Mode().Perm() != 0o600: // of an earlier version
		err = file.Chmod(0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("pgembed: %w", err), file.Close())
	}
	return file, nil
}

// ours tells whether a file belongs to this process's account, to the one that runs postgres, or to root.
func (h *home) ours(info os.FileInfo) bool {
	owner := ownerOf(info)
	return owner == uint32(os.Geteuid()) || owner == h.acc.uid || owner == 0
}

// release gives the lock back. Closing alone would leave it, for a moment, with a program that this process is just
// starting: the child has a copy of every open file until its exec.
func (h *home) release() {
	_ = syscall.Flock(int(h.lock.Fd()), syscall.LOCK_UN) // the close below does the same, later
	_ = h.lock.Close()
}

// makeReadable makes a folder that every account may enter; private files in it have modes of their own. A folder that
// exists keeps its mode.
func makeReadable(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("pgembed: %w", err)
	}
	// Against a strict umask.
	if err := os.Chmod(dir, 0o755); err != nil {
		return fmt.Errorf("pgembed: %w", err)
	}
	return nil
}

// makeTrusted makes a folder of root in a place where others may write too, and refuses one that somebody else could
// have prepared for us.
func makeTrusted(dir string) error {
	if err := makeReadable(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := makeReadable(dir); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("pgembed: %w", err)
	}
	if !info.IsDir() || ownerOf(info) != 0 || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("pgembed: %s is not a folder that only root can change", dir)
	}
	return nil
}
