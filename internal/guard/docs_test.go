package guard_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/sourcetree"
)

// Every test that docs/security.md names exists, every row names one, and every fuzz target is named.
func TestSecurityDocument(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	for _, file := range sourcetree.Files(t) {
		if file.IsTest() {
			for _, match := range declaration.FindAllSubmatch(file.Text, -1) {
				declared[string(match[1])] = true
			}
		}
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
