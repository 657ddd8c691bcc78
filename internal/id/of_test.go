package id_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
)

const zeroToNine = "01890a5d-ac96-774b-bcce-b302099a8057"

// Rows and stored JSON have ids as the text of the UUID, from the time when they were plain UUIDs.
func TestStoredForm(t *testing.T) {
	t.Parallel()
	plain := uuid.MustParse(zeroToNine)
	typed := id.Order(plain)
	type row[I any] struct {
		ID   I            `json:"id"`
		None *I           `json:"none"`
		Left *I           `json:"left,omitempty"`
		Some *I           `json:"some,omitempty"`
		Of   map[string]I `json:"of"`
	}
	was, err := json.Marshal(row[uuid.UUID]{ID: plain, Some: &plain, Of: map[string]uuid.UUID{"a": plain}})
	if err != nil {
		t.Fatal(err)
	}
	is, err := json.Marshal(row[id.Order]{ID: typed, Some: &typed, Of: map[string]id.Order{"a": typed}})
	if err != nil || string(is) != string(was) {
		t.Errorf("stored as %s, %v; want %s", is, err, was)
	}
	var read row[id.Order]
	if err := json.Unmarshal(was, &read); err != nil || read.ID != typed || *read.Some != typed || read.None != nil || read.Of["a"] != typed {
		t.Errorf("%s is read as %+v, %v", was, read, err)
	}
	if err := json.Unmarshal([]byte(`{"id": "order_01h455vb4pex5vsknk084sn02q"}`), &read); err == nil {
		t.Error("stored JSON with a TypeID is read")
	}
	wasValue, _ := plain.Value()
	if isValue, err := typed.Value(); err != nil || isValue != wasValue {
		t.Errorf("the database gets %v, %v; want %v", isValue, err, wasValue)
	}
	if text := fmt.Sprint(typed); text != zeroToNine || typed.TypeID() != "order_01h455vb4pex5vsknk084sn02q" {
		t.Errorf("printed as %s, as TypeID %s", text, typed.TypeID())
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	want := id.Payment(uuid.MustParse(zeroToNine))
	for name, src := range map[string]any{"text": zeroToNine, "bytes of text": []byte(zeroToNine), "16 bytes": want[:]} {
		var one id.Payment
		var perhaps id.Null[id.Payment]
		if err := one.Scan(src); err != nil || one != want {
			t.Errorf("%s: %v, %v", name, one, err)
		}
		if err := perhaps.Scan(src); err != nil || perhaps != id.Some(want) {
			t.Errorf("%s: %v, %v", name, perhaps, err)
		}
	}
	perhaps := id.Some(want)
	if err := perhaps.Scan(nil); err != nil || perhaps.Valid {
		t.Errorf("NULL is read as %v, %v", perhaps, err)
	}
	if err := new(id.Payment).Scan("payment_01h455vb4pex5vsknk084sn02q"); err == nil {
		t.Error("a TypeID is read from a row")
	}
}

func TestNullValue(t *testing.T) {
	t.Parallel()
	if v, err := (id.Null[id.Order]{}).Value(); v != nil || err != nil {
		t.Errorf("none is %v, %v", v, err)
	}
	// An id of zeros is an id.
	if v, err := id.Some(id.Order{}).Value(); v != uuid.Nil.String() || err != nil {
		t.Errorf("an id of zeros is %v, %v", v, err)
	}
}

// Ids are formatted and parsed for each event: they allocate no more than the texts.
func TestAllocations(t *testing.T) {
	order := id.New[id.Order]()
	text := order.TypeID()
	for name, c := range map[string]struct {
		most float64
		f    func()
	}{
		"TypeID": {2, func() { _ = order.TypeID() }},
		"Parse":  {1, func() { _, _ = id.Parse[id.Order](text) }},
		"New":    {1, func() { _ = id.New[id.Order]() }},
	} {
		if got := testing.AllocsPerRun(100, c.f); got > c.most {
			t.Errorf("%s allocates %v times, want at most %v", name, got, c.most)
		}
	}
}
