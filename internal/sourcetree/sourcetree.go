// Package sourcetree reads this repository's Go files, for tests that hold all of them to a rule.
package sourcetree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// File is a Go file of the repository.
type File struct {
	// Name is its path from the repository's root, with slashes.
	Name string
	Text []byte
}

// IsTest reports whether the file is a test.
func (f File) IsTest() bool { return strings.HasSuffix(f.Name, "_test.go") }

// IsGenerated reports whether a program has written the file.
func (f File) IsGenerated() bool {
	return strings.HasSuffix(f.Name, "generated.go") || strings.HasPrefix(string(f.Text), "// Code generated ")
}

// In reports whether the file is in one of the folders, which are paths from the repository's root.
func (f File) In(folders ...string) bool {
	for _, folder := range folders {
		if strings.HasPrefix(f.Name, folder+"/") {
			return true
		}
	}
	return false
}

// Files returns all Go files, without those of packages that npm has installed and of hidden folders. It fails the test when there are
// suspiciously few.
func Files(tb testing.TB) []File {
	tb.Helper()
	root := root(tb)
	var files []File
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // another test has removed it meanwhile
			return nil
		case err != nil:
			return err
		case entry.IsDir() && path != root && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		text, err := os.ReadFile(path) //nolint:gosec // a file of this repository
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		files = append(files, File{Name: filepath.ToSlash(name), Text: text})
		return err
	})
	if err != nil || len(files) < 500 {
		tb.Fatalf("found %d Go files in %s, %v", len(files), root, err)
	}
	return files
}

// root is the folder of go.mod: the test's own, or one above it.
func root(tb testing.TB) string {
	tb.Helper()
	folder, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		above := filepath.Dir(folder)
		if above == folder {
			tb.Fatal("no folder above the test has a go.mod")
		}
		folder = above
	}
}
