// Package docs_test checks the documents: retired phrases stay out, links lead somewhere, and the files that are named exist.
package docs_test

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = ".."

// tracked are the paths in Git, from the root, that match the patterns.
func tracked(t *testing.T, patterns ...string) []string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", root, "ls-files", "-z", "--"}, patterns...)...).Output()
	if err != nil {
		t.Fatalf("list the files that Git tracks: %v", err)
	}
	files := strings.Split(strings.Trim(string(out), "\x00"), "\x00")
	if len(files) == 1 && files[0] == "" {
		t.Fatalf("Git tracks nothing in %v", patterns)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// exceptions are the files that may have retired phrases.
var exceptions = []string{
	":!docs/docs_test.go",                     // the list itself
	":!schema/testdata",                       // the contract, which is not ours to word
	":!internal/postgres/migrations",          // never edited once they have run somewhere
	":!internal/payment/simulated/migrations", // likewise
	":!*.png", ":!*.svg", ":!*package-lock.json", // not written by hand

	// Folders that are still to be rewritten. Remove a line when its folder is done.
}

// retired are phrases that readers had to decipher, in lower case, each with what to write instead.
var retired = map[string]string{
	"second wall":                  "row-level security",
	"first wall":                   "the condition in the statement",
	"the wall lets":                "row-level security",
	"prices of this moment":        "fresh prices",
	"they may be rising":           "a fast-changing price",
	"spare a reading":              "use the cached value",
	"looks whether they still":     "rejects stale ones",
	"asked for what already is":    "no-op",
	"asking for what already is":   "no-op",
	"asking again for what":        "no-op",
	"what already is so":           "no-op",
	"what is so":                   "the current state",
	"once the database is another": "after a failover",
	"what is another's":            "another principal's",
	"goes up to a position":        "the feed's new end",
	"until its client says":        "parked, or idle",
	"takes more than all else":     "is larger than",
	"hears of new events":          "the LISTEN connection",
	"look on their timers":         "polling",
	"look at their timers":         "polling",
	"forgetting the budgets":       "pruning",
	"not refunded, or about to":    "nothing is left to refund",
	"ended before its end":         "incomplete",
	"person of the staff":          "staff",
	"persons of the staff":         "staff",
	"picks other latencies":        "seed of simulated latencies",
	"that is let go":               "voided, or released",
	"lets it go":                   "voids, or releases",
	"let it go":                    "void, or release",
	"give it back":                 "refund",
	"what became of":               "the result, or the outcome",
	"asks for what changes":        "name the operation",
	"who has come with":            "the client, or the subscriber",
	"whoever has come":             "the client, or the subscriber",
	"come to rest":                 "final, or idle",
	"comes to rest":                "becomes final, or idle",
	"at rest":                      "idle, or parked",
	"those who see all":            "staff, or the worker",
	"who sees all":                 "staff, or the worker",
	"the wave":                     "a burst of connections",
	"of this moment":               "current",
	"only say look":                "trigger a look-up",
	"only says look":               "triggers a look-up",
	"what is to be read":           "name it",
	"judged whole":                 "checked as a whole",
	"judged as a whole":            "checked as a whole",
	"prove their place":            "carry a fingerprint of the log",
	"proves its place":             "carries a fingerprint of the log",
	"tells alone":                  "name it",
	"whoever":                      "name the caller, the client, the code",
	" anew":                        "again",
	"but for ":                     "except, or without",
	"goes on with":                 "continues with",
	"goes on to ":                  "continues",
	"nobody said":                  "name the missing setting",
	"what came of":                 "the result, or the outcome",
	"what comes of":                "the result, or the outcome",
	"by whose":                     "name the owner",
	"for whom":                     "name the principal",
	"can be had":                   "is available",
	"to be had":                    "is available",
	"asked after":                  "looked up",
}

// riddles are doc comments that define a name by a question ("X is what …", "X is how long …"), instead of saying what X is or does.
var riddles = regexp.MustCompile(`(?m)^\s*(?://|--|#|\*|/\*\*) (?:[A-Za-z][\w.]*(?:,? (?:and )?[A-Za-z]\w*)? )(?:is|are) (?:what|who|whom|whose|where|why|how|when)\b`)

// spaces joins lines: a phrase may be broken over two, with the comment sign of the second between them.
var spaces = regexp.MustCompile(`\s+(?:(?://|--|#|\*) )?`)

// TestRetiredPhrases keeps phrases out that were replaced by plain ones.
func TestRetiredPhrases(t *testing.T) {
	t.Parallel()
	for _, file := range tracked(t, append([]string{"."}, exceptions...)...) {
		content := read(t, file)
		for _, riddle := range riddles.FindAllString(content, -1) {
			t.Errorf("%s says %q; write what it is or does", file, strings.TrimSpace(riddle))
		}
		text := strings.ToLower(spaces.ReplaceAllString(content, " "))
		for phrase, better := range retired {
			if strings.Contains(text, phrase) {
				t.Errorf("%s says %q; write: %s", file, phrase, better)
			}
		}
	}
}

// anchors are those that GitHub gives to a page's headings.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for line := range strings.Lines(page) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			found[strings.ReplaceAll(name, " ", "-")] = true
		}
	}
	return found
}

// TestLinks follows each relative link of each page, and its anchor.
func TestLinks(t *testing.T) {
	t.Parallel()
	links := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	count := 0
	for _, file := range tracked(t, "*.md") {
		for _, match := range links.FindAllStringSubmatch(read(t, file), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			count++
			to, anchor, _ := strings.Cut(match[1], "#")
			target := file
			if to != "" {
				target = path.Join(path.Dir(file), to)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: the link %s leads nowhere", file, match[1])
			} else if anchor != "" && !anchors(read(t, target))[anchor] {
				t.Errorf("%s: %s has no heading #%s", file, target, anchor)
			}
		}
	}
	if count < 100 {
		t.Errorf("found only %d links; the search is broken", count)
	}
}

// TestNamedFilesExist compares the files that the pages for contributors name with the tree.
func TestNamedFilesExist(t *testing.T) {
	t.Parallel()
	names := regexp.MustCompile("`((?:[a-z0-9_.-]+/)+[A-Za-z0-9_.-]*)`")
	for _, file := range []string{"CONTRIBUTING.md", "docs/architecture.md", "docs/glossary.md"} {
		found := names.FindAllStringSubmatch(read(t, file), -1)
		if len(found) == 0 {
			t.Errorf("%s names no file; the search is broken", file)
		}
		for _, match := range found {
			if _, err := os.Stat(filepath.Join(root, match[1])); err != nil {
				t.Errorf("%s names %s, which does not exist", file, match[1])
			}
		}
	}
}
