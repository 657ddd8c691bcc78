package fault_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/fault"
)

func TestErrorKeepsTheCauseForLogsOnly(t *testing.T) {
	t.Parallel()
	e := fault.Wrap(io.ErrUnexpectedEOF, fault.Unavailable, "the payment provider does not answer")

	if strings.Contains(e.Message, io.ErrUnexpectedEOF.Error()) {
		t.Errorf("the client's message %q shows the cause", e.Message)
	}
	if !strings.Contains(e.Error(), io.ErrUnexpectedEOF.Error()) {
		t.Errorf("the log's text %q lacks the cause", e.Error())
	}
	if !errors.Is(e, io.ErrUnexpectedEOF) {
		t.Error("errors.Is does not find the cause")
	}
}

func TestErrorTextNamesTheField(t *testing.T) {
	t.Parallel()
	e := fault.User("PRODUCT_NOT_FOUND", "no such product", "input", "items", "0", "productId")
	if got, want := e.Error(), "PRODUCT_NOT_FOUND at input.items.0.productId: no such product"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUserDoesNotKeepTheCallersSlice(t *testing.T) {
	t.Parallel()
	path := []string{"input", "items"}
	e := fault.User("ITEMS_EMPTY", "no items", path...)
	path[0] = "changed"
	if e.Field[0] != "input" {
		t.Errorf("field changed with the caller's slice: %v", e.Field)
	}
	if fault.User("CONFLICT", "changed meanwhile").Field != nil {
		t.Error("a user error without a path has a field, want nil (null in the response)")
	}
}

func TestIsComparesCodeAndFamily(t *testing.T) {
	t.Parallel()
	wrapped := fmt.Errorf("load order: %w", fault.New(fault.NotFound, "no such order"))
	cases := []struct {
		name   string
		target error
		want   bool
	}{
		{"same code", fault.New(fault.NotFound, ""), true},
		{"other code", fault.New(fault.Forbidden, ""), false},
		{"same code, other family", fault.User(fault.NotFound, ""), false},
		{"no fault", io.EOF, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := errors.Is(wrapped, c.target); got != c.want {
				t.Errorf("errors.Is = %v, want %v", got, c.want)
			}
		})
	}
}

func TestWithCauseLeavesTheOriginalAlone(t *testing.T) {
	t.Parallel()
	original := fault.New(fault.Internal, "something broke")
	if got := original.WithCause(io.EOF); !errors.Is(got, io.EOF) {
		t.Error("the copy has no cause")
	}
	if errors.Is(original, io.EOF) {
		t.Error("the original got the cause")
	}
}

func TestWithLeavesTheOriginalAlone(t *testing.T) {
	t.Parallel()
	first := fault.New(fault.RateLimited, "wait").With("retryAfter", 3)
	second := first.With("cost", 7)
	if first.Extensions["cost"] != nil || second.Extensions["retryAfter"] != 3 || second.Extensions["cost"] != 7 {
		t.Errorf("extensions are %v and %v", first.Extensions, second.Extensions)
	}
}

func TestCodeOf(t *testing.T) {
	t.Parallel()
	var list fault.List
	list.Add(fault.User("ITEMS_EMPTY", "no items"), fault.User("CONFLICT", "changed"))
	cases := []struct {
		name string
		err  error
		want fault.Code
	}{
		{"nil", nil, ""},
		{"fault", fault.New(fault.Forbidden, "staff only"), fault.Forbidden},
		{"wrapped fault", fmt.Errorf("x: %w", fault.New(fault.NotFound, "no")), fault.NotFound},
		{"list: its first", list.Err(), "ITEMS_EMPTY"},
		{"anything else", io.EOF, fault.Internal},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := fault.CodeOf(c.err); got != c.want {
				t.Errorf("CodeOf = %q, want %q", got, c.want)
			}
		})
	}
}

func TestEmptyListIsNoError(t *testing.T) {
	t.Parallel()
	var list fault.List
	if err := list.Err(); err != nil {
		t.Errorf("Err of an empty list = %v, want nil", err)
	}
}

func TestUserErrors(t *testing.T) {
	t.Parallel()
	quantity := fault.User("QUANTITY_OUT_OF_RANGE", "1 to 999", "input", "items", "1", "quantity")
	product := fault.User("PRODUCT_NOT_FOUND", "no such product", "input", "items", "3", "productId")
	cases := []struct {
		name string
		err  error
		want []*fault.Error
	}{
		{"nil", nil, nil},
		{"one", product, []*fault.Error{product}},
		{"wrapped list", fmt.Errorf("create order: %w", fault.List{quantity, product}), []*fault.Error{quantity, product}},
		{"top-level", fault.New(fault.Unavailable, "later"), nil},
		{"list with a top-level error", fault.List{quantity, fault.New(fault.Internal, "broke")}, nil},
		{"empty list", fault.List{}, nil},
		{"no fault", io.EOF, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, ok := fault.UserErrors(c.err)
			if ok != (c.want != nil) || !slices.Equal(got, c.want) {
				t.Errorf("UserErrors = %v, %v; want %v", got, ok, c.want)
			}
		})
	}
}
