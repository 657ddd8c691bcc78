package pagination_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/pagination"
)

// FuzzCursor: a page cursor has one text and belongs to one list. Any other text is INVALID_CURSOR.
func FuzzCursor(f *testing.F) {
	key := uuid.MustParse("01893f3c-0000-7000-8000-00000000002a")
	for _, text := range []string{
		"", "bm8", "b3JkZXI6", pagination.Cursor("order", key), pagination.Cursor("order", uuid.Nil), pagination.Cursor("product", key),
		pagination.Cursor("order", key) + "=", pagination.Cursor("order", key) + "\n", pagination.Cursor("orders", key), pagination.Cursor("order:order", key),
	} {
		f.Add(text, 1, true)
		f.Add(text, -1, false)
		f.Add(text, 101, true)
	}
	f.Fuzz(func(t *testing.T, text string, size int, forward bool) {
		first, after, last, before := &size, &text, (*int)(nil), (*string)(nil)
		if !forward {
			first, after, last, before = last, before, first, after
		}
		r, err := pagination.Parse("order", first, after, last, before)
		if size < 0 || size > pagination.Max {
			if fault.CodeOf(err) != fault.BadUserInput {
				t.Fatalf("a page of %d: %v", size, err)
			}
			return
		}
		key := r.After
		if !forward {
			key = r.Before
		}
		switch {
		case err != nil && fault.CodeOf(err) != fault.InvalidCursor:
			t.Fatalf("%q: %v", text, err)
		case err == nil && (r.Limit != size || r.Backward == forward || !key.Valid || pagination.Cursor("order", key.ID) != text):
			t.Fatalf("%q and %d are read as %+v", text, size, r)
		}
	})
}
