package stream

import (
	"context"
	"testing"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	pull := func(context.Context) (string, error) { return "cursor", nil }

	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		ctx, slot := NewContext(context.Background())
		if slot.Pull() != nil {
			t.Fatal("a new slot has a Pull")
		}
		if !Register(ctx, pull) {
			t.Fatal("Register reports no slot")
		}
		got := slot.Pull()
		if got == nil {
			t.Fatal("the registered Pull is not there")
		}
		if cursor, err := got(ctx); cursor != "cursor" || err != nil {
			t.Fatalf("Pull() = %q, %v", cursor, err)
		}
	})
	t.Run("ErrNoSlot", func(t *testing.T) {
		t.Parallel()
		if Register(context.Background(), pull) {
			t.Fatal("Register reports a slot where no transport offers one")
		}
	})
}

func TestLastCursor(t *testing.T) {
	t.Parallel()
	ctx := WithLastCursor(context.Background(), "c7")
	if got := LastCursor(ctx); got != "c7" {
		t.Errorf("LastCursor = %q, want c7", got)
	}
	if got := LastCursor(WithLastCursor(ctx, "")); got != "c7" {
		t.Errorf("an empty cursor replaced the one that was there: %q", got)
	}
	if got := LastCursor(context.Background()); got != "" {
		t.Errorf("LastCursor of a bare context = %q", got)
	}
}
