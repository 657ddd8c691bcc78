// Package guardtest reads the hostile documents of internal/guard/testdata, for all tests that send them.
package guardtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Document is one hostile document.
type Document struct {
	Name, Text string
	// Codes are those that may answer it.
	Codes []string
}

// Documents reads the corpus from the folder testdata/documents at dir, the path of package guard.
func Documents(t testing.TB, dir string) []Document {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "testdata/documents/*.graphql"))
	if err != nil || len(files) < 60 {
		t.Fatalf("%d documents at %s, %v", len(files), dir, err)
	}
	documents := make([]Document, len(files))
	for i, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		codes, text, _ := strings.Cut(strings.TrimSuffix(string(content), "\n"), "\n")
		documents[i] = Document{
			Name:  strings.TrimSuffix(filepath.Base(file), ".graphql"),
			Text:  repetition.ReplaceAllStringFunc(text, repeat),
			Codes: strings.Fields(strings.TrimPrefix(codes, "# ")),
		}
	}
	return documents
}

// repetition is «60000×x»; see testdata/README.md.
var repetition = regexp.MustCompile(`(?s)«(\d+)×(.*?)»`)

func repeat(match string) string {
	parts := repetition.FindStringSubmatch(match)
	n, _ := strconv.Atoi(parts[1]) // it is digits
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(parts[2], "№", strconv.Itoa(i)))
	}
	return b.String()
}
