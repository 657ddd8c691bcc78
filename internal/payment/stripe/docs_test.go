package stripe_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every answer of Stripe's in docs/stripe.md has a test of this package and the page of Stripe's documentation that it follows.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/stripe.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Meaning of Stripe's answers\n")
	section, _, ended := strings.Cut(section, "\n## ")
	if !found || !ended {
		t.Fatal("there is no section about Stripe's answers")
	}
	var tests strings.Builder
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(source)
	}
	rows := 0
	head := ""
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			head = ""
			continue
		}
		if head == "" {
			head = line
		}
		if line == head || strings.HasPrefix(line, "| ---") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(line, "|"), "|")
		named := regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(cells[len(cells)-1], -1)
		pages := regexp.MustCompile(`\[([a-z ]+)\]`).FindAllStringSubmatch(cells[len(cells)-2], -1)
		if len(named) == 0 || len(pages) == 0 {
			t.Errorf("no test or no page: %s", line)
		}
		for _, test := range named {
			if !strings.Contains(tests.String(), "\nfunc "+test[1]+"(t *testing.T)") {
				t.Errorf("there is no %s: %s", test[1], line)
			}
		}
		for _, page := range pages {
			if !strings.Contains(section, "\n["+page[1]+"]: https://docs.stripe.com/") {
				t.Errorf("there is no page %s: %s", page[1], line)
			}
		}
	}
	if rows < 30 {
		t.Errorf("only %d answers", rows)
	}
}
