package exactjson_test

import (
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/exactjson"
)

func TestObject(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		`{"sub":"a","iss":"b"}`:             true,
		`{}`:                                true,
		`{"role":{"a":1,"A":2}}`:            true, // nobody reads that level
		`{"sub":"a","sub":"b"}`:             false,
		`{"sub":"a","\u0073ub":"b"}`:        false,
		`{"Sub":"a"}`:                       false,
		`{"ſub":"a"}`:                       false, // a long s folds to s
		`{"other":1,"Other":2}`:             false,
		`{"role":{"a":1,"a":2}}`:            false,
		`{"x":[{"a":1,"a":2}]}`:             false,
		`{"sub":"a"}{}`:                     false,
		`{"sub":"a"} x`:                     false,
		"{\"sub\":\"\xff\"}":                false,
		`null`:                              false,
		`[]`:                                false,
		``:                                  false,
		strings.Repeat("[", 20_000):         false,
		`{"x":` + strings.Repeat("[", 20_0): false,
	} {
		if members, err := exactjson.Object([]byte(text), "sub", "iss", "role"); (err == nil) != ok {
			t.Errorf("%.60q: %v, %v", text, members, err)
		}
	}
}

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	type event struct {
		ID   string `json:"id"`
		Data struct {
			Object map[string]string `json:"object"`
		} `json:"data"`
	}
	var e event
	if err := exactjson.Unmarshal([]byte(`{"id":"a","ID":"b","data":{"object":{"k":"v"},"Object":{"k":"w"}}}`), &e); err != nil || e.ID != "a" || e.Data.Object["k"] != "v" {
		t.Errorf("%+v, %v", e, err)
	}
	for _, text := range []string{`{"id":"a","id":"b"}`, `{"data":{"object":{"k":"v","k":"w"}}}`, `{"x":{"y":1,"y":1}}`, `{"id":"a"}{}`} {
		if err := exactjson.Unmarshal([]byte(text), &e); err == nil {
			t.Errorf("%s is read", text)
		}
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{`"a"`: "a", `"\u0061"`: "a", `""`: ""} {
		if s, ok := exactjson.String([]byte(text)); !ok || s != want {
			t.Errorf("%s: %q, %v", text, s, ok)
		}
	}
	for _, text := range []string{``, `null`, `7`, `["a"]`, `{}`, `"a`, `"a"x`} {
		if s, ok := exactjson.String([]byte(text)); ok {
			t.Errorf("%s: %q", text, s)
		}
	}
}
