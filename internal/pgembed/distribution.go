package pgembed

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// linkLibraries makes the symlinks of the npm package's libraries: npm packages cannot contain symlinks, so theirs are
// listed in pg-symlinks.json for an install script, which npm may be told not to run. Any other folder is left alone.
func linkLibraries(native string) error {
	text, err := os.ReadFile(filepath.Join(native, "pg-symlinks.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// The link is the target, the file it points to the source; both begin with native/, which a copy is not called.
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(native, "pg-symlinks.json"), err)
	}
	for _, link := range links {
		source, inside := strings.CutPrefix(link.Source, "native/")
		target, insideToo := strings.CutPrefix(link.Target, "native/")
		if !inside || !insideToo || !filepath.IsLocal(source) || !filepath.IsLocal(target) {
			return fmt.Errorf("pg-symlinks.json leads out of its folder: %q, %q", link.Source, link.Target)
		}
		source, err := filepath.Rel(filepath.Dir(target), source)
		if err != nil {
			return err
		}
		// Another process may make the same links now.
		if err := os.Symlink(source, filepath.Join(native, target)); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}

// relocatable reports whether the folder above a bin folder holds one PostgreSQL and nothing else, so that it can be
// copied as a whole: postgres finds its libraries and files relative to itself.
func relocatable(bin string) bool {
	root := filepath.Dir(bin)
	if filepath.Base(bin) != "bin" || slices.Contains([]string{"/", "/usr", "/usr/local", "/opt/homebrew"}, root) {
		return false
	}
	for _, name := range []string{"lib", "share"} {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// copyBinaries copies a PostgreSQL into a home, once per version of it, and returns the copy's bin folder.
func copyBinaries(bin, home string) (string, error) {
	info, err := os.Stat(filepath.Join(bin, "postgres"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", bin, info.Size(), info.ModTime().UnixNano()))
	target := filepath.Join(home, "dist-"+hex.EncodeToString(sum[:6]))
	copied := filepath.Join(target, "bin")
	if _, err := os.Stat(target); err == nil {
		return copied, nil
	}
	// The rename makes it all or nothing. The home is locked, so nobody else does the same.
	partial := target + ".new"
	if err := os.RemoveAll(partial); err != nil {
		return "", err
	}
	if err := copyTree(filepath.Dir(bin), partial); err != nil {
		return "", err
	}
	if err := linkLibraries(partial); err != nil {
		return "", err
	}
	return copied, os.Rename(partial, target)
}

// copyTree copies files, folders and symlinks, readable for every account. Static libraries stay behind.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		switch {
		case entry.IsDir():
			return makeReadable(target)
		case entry.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case !entry.Type().IsRegular() || strings.HasSuffix(name, ".a"):
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		return copyFile(path, target, mode)
	})
}

func copyFile(from, to string, mode fs.FileMode) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }() // read only: nothing can be lost
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	return target.Chmod(mode) // against a strict umask
}
