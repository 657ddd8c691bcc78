package guard_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test that docs/security.md names exists, every row names one, and every fuzz target is named.
func TestSecurityDocument(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	const root = "../.."
	declared := map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // another test has removed it meanwhile
		case entry.Name() == "node_modules", strings.HasPrefix(entry.Name(), ".") && path != root:
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, "_test.go") {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, match := range declaration.FindAllSubmatch(content, -1) {
				declared[string(match[1])] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`((?:Test|Fuzz)\\w+)").FindAllSubmatch(document, -1)
	if len(names) < 20 || len(declared) < 100 {
		t.Fatalf("%d names in the document, %d tests in the repository", len(names), len(declared))
	}
	for _, match := range names {
		if name := string(match[1]); !declared[name] {
			t.Errorf("%s is in docs/security.md and nowhere else", name)
		}
	}
	named := string(document)
	for name := range declared {
		if strings.HasPrefix(name, "Fuzz") && !strings.Contains(named, "`"+name+"`") {
			t.Errorf("docs/security.md does not have %s", name)
		}
	}
	shown := regexp.MustCompile("`(?:(?:Test|Fuzz)\\w+|[\\w/.-]*\\.ts|web/e2e)`[^|]*\\|\\s*$")
	for line := range strings.Lines(named) {
		if cells := strings.Split(line, " | "); len(cells) == 3 && cells[2] != "test |\n" && !strings.Contains(line, "| --- |") && !shown.MatchString(line) {
			t.Errorf("no test shows: %s", line)
		}
	}
	for _, match := range regexp.MustCompile("`([a-z][\\w/-]*\\.(?:go|ts))`").FindAllSubmatch(document, -1) {
		if _, err := os.Stat(filepath.Join("../..", string(match[1]))); err != nil {
			t.Error(err)
		}
	}
}
