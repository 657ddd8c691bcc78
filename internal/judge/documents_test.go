package judge_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/guard/guardtest"
	"github.com/orderwire/orderwire/internal/judge"
	"github.com/orderwire/orderwire/schema"
)

const (
	root = "../.."
	// seed of all that is generated.
	seed = 14
	// generated and mutated documents; a mutation comes of a generated document or of a known one.
	generated, mutated = 1500, 4500
)

// verdict is ours on a document, in the judge's words. The guard has no limits here: they are its own matter.
func verdict(g *guard.Guard, text string) (*guard.Document, judge.Verdict) {
	document, errs := g.Document(text)
	if errs == nil {
		return document, judge.Verdict{}
	}
	for _, e := range errs {
		for _, at := range e.Locations {
			if at.Line < 1 || at.Column < 1 { // section 7.1.2: both begin with 1
				return nil, judge.Verdict{Verdict: "no place", Message: fmt.Sprintf("%s at %d:%d", e.Message, at.Line, at.Column)}
			}
		}
	}
	f, _ := errors.AsType[*fault.Error](errs[0])
	switch {
	case f == nil:
		return nil, judge.Verdict{Verdict: "no code", Message: errs[0].Message}
	case f.Code == fault.ParseFailed:
		return nil, judge.Verdict{Verdict: "parse", Message: f.Message}
	case f.Code == fault.ValidationFailed:
		return nil, judge.Verdict{Verdict: "validate", Message: f.Message}
	default:
		return nil, judge.Verdict{Verdict: string(f.Code), Message: f.Message}
	}
}

// allowedDocuments are the differences from graphql-js that we mean to have.
var allowedDocuments = []struct {
	reason string
	fits   func(text string, ours, theirs judge.Verdict) bool
}{
	{
		"refused by both, by another step: what the validator refuses here, graphql-js's parser does, or the other way around",
		func(_ string, ours, theirs judge.Verdict) bool {
			return theirs.Verdict != "" && (ours.Verdict == "parse" || ours.Verdict == "validate")
		},
	},
	{
		"the root field of a subscription can be neither skipped nor included (draft of the specification, section 5.2.4): whether anything is subscribed to does not depend on variables",
		func(_ string, ours, _ judge.Verdict) bool {
			return strings.Contains(ours.Message, "neither skipped nor included")
		},
	},
	{
		"an alias of __typename and another field under the same alias: the specification (section 5.3.2) compares their types, graphql-js leaves __typename out",
		func(text string, ours, _ judge.Verdict) bool {
			found := conflictingTypes.FindStringSubmatch(ours.Message)
			return found != nil && regexp.MustCompile(`\b`+found[1]+`\s*:\s*__typename\b`).MatchString(text)
		},
	},
	{
		"a quote immediately behind a block string: the parser would count it to the string",
		func(_ string, ours, _ judge.Verdict) bool {
			return strings.Contains(ours.Message, "follows the block string immediately")
		},
	},
	{
		"a name of more than 128 characters: it would come back in answers",
		func(text string, ours, _ judge.Verdict) bool {
			return ours.Verdict == string(fault.DocumentTooLarge) && longName.MatchString(text)
		},
	},
}

var (
	longName         = regexp.MustCompile(`[A-Za-z0-9_]{129}`)
	conflictingTypes = regexp.MustCompile(`^Fields "(\w+)" conflict because they return conflicting types "String" and `)
)

// allowed is the reason of a difference, or "".
func allowed(text string, ours, theirs judge.Verdict) string {
	for _, a := range allowedDocuments {
		if a.fits(text, ours, theirs) {
			return a.reason
		}
	}
	return ""
}

// known are documents of clients and of attackers.
func known(t *testing.T) []string {
	t.Helper()
	var texts []string
	for _, d := range guardtest.Documents(t, filepath.Join(root, "internal/guard")) {
		if len(d.Text) < 4000 { // the large ones are for the guard's limits, which graphql-js does not have
			texts = append(texts, d.Text)
		}
	}
	files, err := filepath.Glob("testdata/*.graphql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, strings.Split(string(content), "\n---\n")...)
	}
	return texts
}

func documents(t *testing.T) []string {
	t.Helper()
	g := judge.NewGenerator(schema.Parse(), seed)
	texts := known(t)
	for range generated {
		texts = append(texts, g.Document())
	}
	for originals := texts; len(texts) < len(originals)+mutated; {
		texts = append(texts, g.Mutate(originals[g.IntN(len(originals))]))
	}
	return texts
}

// TestDocuments: this server and graphql-js accept the same documents.
func TestDocuments(t *testing.T) {
	t.Parallel()
	j := judge.Open(t, root)
	g := guard.New(guard.Config{Schema: schema.Parse(), Introspection: true})
	texts := documents(t)
	theirs := j.Documents(texts)
	counts, differences := map[string]int{}, map[string]int{}
	for i, text := range texts {
		_, ours := verdict(g, text)
		counts[theirs[i].Verdict]++
		if ours.Verdict == theirs[i].Verdict {
			continue
		}
		if reason := allowed(text, ours, theirs[i]); reason != "" {
			differences[reason]++
			continue
		}
		t.Errorf("%q\nours: %+v\ntheirs: %+v", text, ours, theirs[i])
	}
	t.Logf("%d documents: graphql-js runs %d, cannot parse %d, finds %d invalid%s",
		len(texts), counts[""], counts["parse"], counts["validate"], listed(differences))
	for _, verdict := range []string{"", "parse", "validate"} {
		if counts[verdict] < 500 {
			t.Errorf("only %d documents have the verdict %q", counts[verdict], verdict)
		}
	}
}

func listed(differences map[string]int) string {
	var b strings.Builder
	for _, reason := range slices.Sorted(maps.Keys(differences)) {
		fmt.Fprintf(&b, "\n%6d allowed: %s", differences[reason], reason)
	}
	return b.String()
}
