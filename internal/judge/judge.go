// Package judge generates documents, values and executions for tests, and asks graphql-js, the reference implementation of GraphQL,
// for its verdict on them. The other side is web/judge/judge.mjs.
package judge

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/orderwire/orderwire/schema"
)

// Judge is a process of node that runs graphql-js. It is for one goroutine.
type Judge struct {
	t         testing.TB
	questions *json.Encoder
	answers   *bufio.Reader
}

// Open starts a judge of the server's schema, for as long as the test runs. root is the path of the repository.
func Open(t testing.TB, root string) *Judge {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, "web/node_modules/graphql/package.json")); err != nil {
		t.Fatal("graphql-js is missing: `make web/node_modules/.installed` installs the web app's packages")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is missing: install Node.js 20.19, 22.13 or 24, or newer")
	}
	command := exec.Command(node, "judge/judge.mjs") //nolint:gosec // node from PATH
	command.Dir = filepath.Join(root, "web")
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // without questions it ends
		_ = in.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("the judge: %v", err)
		}
	})
	j := &Judge{t: t, questions: json.NewEncoder(in), answers: bufio.NewReaderSize(out, 1<<20)}
	j.questions.SetEscapeHTML(false)
	Ask[[]string](j, "schema", map[string]any{"sdl": schema.SDL()})
	return j
}

// Ask has the judge take one of its steps.
func Ask[Answer any](j *Judge, step string, question map[string]any) Answer {
	j.t.Helper()
	question["step"] = step
	if err := j.questions.Encode(question); err != nil {
		j.t.Fatalf("the judge was not asked %q: %v", step, err)
	}
	line, err := j.answers.ReadBytes('\n')
	if err != nil {
		j.t.Fatalf("the judge did not answer %q: %v", step, err)
	}
	var answer struct {
		Answer Answer
		Failed string
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		j.t.Fatalf("%s: %v", line, err)
	}
	if answer.Failed != "" {
		j.t.Fatalf("the judge failed at %q: %s", step, answer.Failed)
	}
	return answer.Answer
}

// Verdict of a document: "" when it may run, "parse" or "validate" when that step has refused it.
type Verdict struct{ Verdict, Message string }

// Documents are judged.
func (j *Judge) Documents(texts []string) []Verdict {
	j.t.Helper()
	return Ask[[]Verdict](j, "documents", map[string]any{"texts": texts})
}

// Case is an operation with variables, which are JSON text; for an execution also with the data that we answer, "" for none.
type Case struct {
	Text string `json:"text"`
	Raw  string `json:"raw"`
	Ours string `json:"ours,omitempty"`
}

// Coerced are variables, or why there are none.
type Coerced struct {
	Message string
	Coerced map[string]any
}

// Variables are coerced, of cases whose documents need not be valid.
func (j *Judge) Variables(cases []Case) []Coerced {
	j.t.Helper()
	return Ask[[]Coerced](j, "variables", map[string]any{"cases": cases})
}

// Arguments has the arguments of all fields of a document, or the Message that refuses its variables.
type Arguments struct {
	Message string
	Fields  []struct {
		Message      string
		Line, Column int
		Values       map[string]any
	}
}

// Arguments has graphql-js coerce the arguments of every field of the cases. Their documents must be valid.
func (j *Judge) Arguments(cases []Case) []Arguments {
	j.t.Helper()
	return Ask[[]Arguments](j, "arguments", map[string]any{"cases": cases})
}

// Picture is the complete data of a server of the schema, as web/judge/data.mjs describes it.
type Picture struct {
	Roots   map[string]any `json:"roots"`
	Objects map[string]any `json:"objects"`
}

// Executed tells whether both have answered the same, fields in the same order.
type Executed struct {
	Same            bool
	Theirs, Message string
}

// Execute runs cases on a picture.
func (j *Judge) Execute(cases []Case, data Picture) []Executed {
	j.t.Helper()
	return Ask[[]Executed](j, "execute", map[string]any{"cases": cases, "data": data})
}
