package payment_test

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// namesAllowed are the places outside a provider's package that may name it, with the reason.
var namesAllowed = map[string]string{
	"server/providers.go":               "the list of providers",
	"graph/generated":                   "generated from the schema, which has an enum for customers that a provider simulates",
	"internal/payment/gateway.go":       "ActionSimulated is a value of the schema",
	"web/src/gql":                       "generated from the schema",
	"web/src/order/complete-action.tsx": "SIMULATED is a value of the schema",
	"web/src/order/payment-method.tsx":  "simulated failures, of whichever provider has them",
	"internal/soak":                     "a test that drives the simulated provider",
	"internal/bench":                    "measures with the simulated provider",
	"internal/event/eventtest":          "is part of the tests",
	"internal/postgres/postgrestest":    "is part of the tests",
}

// Outside its package nothing knows which provider it has to do with: adding one requires no new case elsewhere. Comments may name
// providers as examples.
func TestProvidersAreNamedInTheirPackagesOnly(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	names := providerPackages(t)
	used := map[string]bool{}
	for _, top := range []string{"graph", "internal", "server", "web/src"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			name := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
			if entry.IsDir() {
				if strings.HasPrefix(name, "internal/payment/") || entry.Name() == "node_modules" {
					return fs.SkipDir // a provider, or not ours
				}
				return nil
			}
			for _, line := range namingLines(t, path, names) {
				if at := allowedAt(name); at != "" {
					used[at] = true
					continue
				}
				t.Errorf("%s:%d names a payment provider", name, line)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for place := range namesAllowed {
		if !used[place] {
			t.Errorf("%s names no provider any more; take it out of the list", place)
		}
	}
}

func providerPackages(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() && entry.Name() != "paymenttest" {
			names = append(names, entry.Name())
		}
	}
	if len(names) < 2 {
		t.Fatalf("found the providers %q only", names)
	}
	return names
}

func allowedAt(name string) string {
	for place := range namesAllowed {
		if name == place || strings.HasPrefix(name, place+"/") {
			return place
		}
	}
	return ""
}

// namingLines are the lines of a source file, if it is one and no test, whose code or texts have one of the names.
func namingLines(t *testing.T, path string, names []string) (lines []int) {
	t.Helper()
	has := func(text string) bool {
		text = strings.ToLower(text)
		return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(text, name) })
	}
	switch base := filepath.Base(path); {
	case strings.HasSuffix(base, ".go") && !strings.HasSuffix(base, "_test.go"):
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files := token.NewFileSet()
		file := files.AddFile(path, -1, len(source))
		var s scanner.Scanner
		s.Init(file, source, nil, 0) // without comments
		for {
			at, kind, text := s.Scan()
			if kind == token.EOF {
				return lines
			}
			if has(text) {
				lines = append(lines, file.Line(at))
			}
		}
	case (strings.HasSuffix(base, ".ts") || strings.HasSuffix(base, ".tsx")) && !strings.Contains(base, ".test."):
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(source), "\n") {
			if has(line) {
				lines = append(lines, i+1)
			}
		}
	}
	return lines
}
