package graph_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// accessTable has the outcome of selecting each field of each object type, in columns: the field, then nobody, the owner, another
// customer and staff. Each is one of
//
//   - value: something, or what is empty for everybody but the errors of a mutation;
//   - null, empty: the field, without anything in it;
//   - none: no object that has the field;
//   - a code: the operation is refused.
//
// A new field has no row: the test fails and prints what people get today. With -update it adds the rows of new fields and removes those of
// fields that are gone, to be judged in the diff. A row that is there is only ever changed by hand.
const accessTable = "testdata/access.txt"

var update = flag.Bool("update", false, "add rows of new fields to testdata/access.txt, and remove those of fields that are gone")

// TestAccess selects every field of the schema as each person, by every path to its type, and compares the outcomes with the table.
// Then it takes @access away, and then the conditions of the statements too, so that only row-level security protects the rows with
// an owner; nobody may get more than before.
func TestAccess(t *testing.T) {
	t.Parallel()
	rows := readAccess(t)
	if *update {
		defer func() { writeAccess(t, rows) }()
	}
	seen := map[string]bool{}
	f := newFixture(t)
	f.handler = f.serve(f.settings())
	routes := f.routes()
	open := *f.world
	open.open = true
	open.handler = open.serve(f.settings())
	unconditional := *f.world
	unconditional.open = true
	unconditional.wire(postgrestest.WithoutConditions(t, f.db.URL, false))
	unconditional.handler = unconditional.serve(f.settings())

	for _, writes := range []bool{false, true} { // reading first, so that no write is visible
		for _, name := range slices.Sorted(maps.Keys(f.schema.Types)) {
			object := f.schema.Types[name]
			if object.Kind != ast.Object || strings.HasPrefix(name, "__") {
				continue
			}
			route, known := routes[name]
			if !known {
				t.Errorf("%s: no way to it is known; add one to the fixture's routes", name)
				continue
			}
			if strings.HasPrefix(route("x"), "mutation") != writes {
				continue
			}
			for _, field := range object.Fields {
				if strings.HasPrefix(field.Name, "__") {
					continue
				}
				place := name + "." + field.Name
				document := route(f.selection(name, field))
				var got [4]string
				for i, p := range f.people {
					got[i] = f.outcome(f.world, p, document)
				}
				seen[place] = true
				want, known := rows[place]
				if !known && *update {
					want, known = got, true
					rows[place] = got
				}
				if !known || got != want {
					t.Errorf("%s: they get %q, the table says %q: %s", place, strings.Join(got[:], " "), strings.Join(want[:], " "), document)
					continue
				}
				for i, p := range f.people {
					if want[i] != "value" && f.outcome(&open, p, document) == "value" {
						t.Errorf("%s: only @access keeps person %d from it: %s", place, i, document)
					}
					switch got := f.outcome(&unconditional, p, document); {
					case want[i] != "value" && got == "value":
						t.Errorf("%s: row-level security does not keep person %d from it: %s", place, i, document)
					case want[i] == "value" && got != "value" && !writes:
						t.Errorf("%s: row-level security keeps person %d from what is theirs, they get %q: %s", place, i, got, document)
					}
				}
			}
		}
	}
	for place := range rows {
		switch {
		case seen[place]:
		case *update:
			delete(rows, place)
		default:
			t.Errorf("%s: the table has a row, the schema no such field", place)
		}
	}
}

const accessTitle = "# Who gets what: the field, then nobody, the owner, another customer, staff. See access_test.go for the words.\n"

func readAccess(t *testing.T) map[string][4]string {
	t.Helper()
	raw, err := os.ReadFile(accessTable)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][4]string{}
	for line := range strings.Lines(string(raw)) {
		columns := strings.Fields(line)
		if len(columns) == 0 || columns[0] == "#" {
			continue
		}
		if len(columns) != 5 {
			t.Fatalf("%s: %q", accessTable, line)
		}
		rows[columns[0]] = [4]string(columns[1:])
	}
	return rows
}

func writeAccess(t *testing.T, rows map[string][4]string) {
	t.Helper()
	var table bytes.Buffer
	table.WriteString(accessTitle)
	columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, place := range slices.Sorted(maps.Keys(rows)) {
		row := rows[place]
		fmt.Fprintf(columns, "%s\t%s\t%s\t%s\t%s\n", place, row[0], row[1], row[2], row[3])
	}
	if err := columns.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(accessTable, table.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// outcome returns a person's result in the words of the table.
func (f *fixture) outcome(w *world, p auth.Principal, document string) string {
	f.t.Helper()
	var a *answer
	if strings.HasPrefix(document, "subscription") {
		a = w.subscribe(p, document, nil, "").next()
	} else {
		a = w.do(p, document, nil)
	}
	if len(a.Errors) > 0 {
		return fmt.Sprint(a.Errors[0].Extensions["code"])
	}
	return found(a.Data)
}

// outcomes from the least to the most that can be seen.
var outcomes = []string{"none", "null", "empty", "value"}

// found searches data for the field with the alias "probe".
func found(data any) string {
	most := 0
	switch data := data.(type) {
	case map[string]any:
		for key, value := range data {
			outcome := 0
			if key == "probe" {
				outcome = slices.Index(outcomes, weigh(value))
			} else {
				outcome = slices.Index(outcomes, found(value))
			}
			most = max(most, outcome)
		}
	case []any:
		for _, value := range data {
			most = max(most, slices.Index(outcomes, found(value)))
		}
	}
	return outcomes[most]
}

func weigh(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case []any:
		for _, v := range value {
			if v != nil {
				return "value"
			}
		}
		return "empty"
	default:
		return "value"
	}
}
