package model_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/schema"
)

// TestNewEvent holds the views against the schema: each event type has the GraphQL type of its name.
func TestNewEvent(t *testing.T) {
	t.Parallel()
	parsed, err := gqlparser.LoadSchema(&ast.Source{Input: schema.SDL()})
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range parsed.Types["OrderEventType"].EnumValues {
		var want strings.Builder
		for _, word := range strings.Split(value.Name, "_") {
			want.WriteString(word[:1] + strings.ToLower(word[1:]))
		}
		view, err := model.NewEvent(&order.Event{Type: order.EventType(value.Name)})
		if err != nil || reflect.TypeOf(view).Name() != want.String() {
			t.Errorf("%s is shown as %T, want %s", value.Name, view, want.String())
		}
	}
	if view, err := model.NewEvent(&order.Event{Type: "NEW"}); view != nil || !errors.Is(err, fault.ErrNewer) {
		t.Errorf("an unknown type is shown as %T: %v", view, err)
	}
}

func TestUnmarshalInt(t *testing.T) {
	t.Parallel()
	for _, v := range []any{int64(-1 << 31), json.Number("2147483647"), 5} {
		if _, err := model.UnmarshalInt(v); err != nil {
			t.Errorf("%v: %v", v, err)
		}
	}
	for _, v := range []any{int64(1 << 31), json.Number("-2147483649"), json.Number("1.5"), json.Number("1e3"), "1", 1.0, true, nil} {
		if n, err := model.UnmarshalInt(v); fault.CodeOf(err) != fault.BadUserInput {
			t.Errorf("%v: %d, %v", v, n, err)
		}
	}
}
