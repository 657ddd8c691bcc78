package pagination_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/pagination"
)

func TestParse(t *testing.T) {
	t.Parallel()
	key := uuid.MustParse("01893f3c-0000-7000-8000-00000000002a")
	mine, other, bad := pagination.Cursor("order", key), pagination.Cursor("product", key), "bm8"
	n := func(i int) *int { return &i }
	for name, tt := range map[string]struct {
		first, last   *int
		after, before *string
		want          pagination.Request
		code          fault.Code
	}{
		"OKDefault":       {want: pagination.Request{Limit: 20}},
		"OKFirstAfter":    {first: n(5), after: &mine, want: pagination.Request{Limit: 5, After: id.Some(key)}},
		"OKLastBefore":    {last: n(100), before: &mine, want: pagination.Request{Limit: 100, Before: id.Some(key), Backward: true}},
		"OKZero":          {first: n(0), want: pagination.Request{Limit: 0}},
		"ErrBoth":         {first: n(1), last: n(1), code: fault.BadUserInput},
		"ErrTooMany":      {first: n(101), code: fault.BadUserInput},
		"ErrNegative":     {last: n(-1), code: fault.BadUserInput},
		"ErrAnothersList": {after: &other, code: fault.InvalidCursor},
		"ErrGarbage":      {before: &bad, code: fault.InvalidCursor},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := pagination.Parse("order", tt.first, tt.after, tt.last, tt.before)
			if fault.CodeOf(err) != tt.code || (err == nil && got != tt.want) {
				t.Errorf("got %+v, %v; want %+v, %q", got, err, tt.want, tt.code)
			}
		})
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	key := uuid.New()
	for name, tt := range map[string]struct {
		request pagination.Request
		rows    []int
		want    pagination.Result[int]
	}{
		"OKMore":         {pagination.Request{Limit: 2}, []int{1, 2, 3}, pagination.Result[int]{Items: []int{1, 2}, HasNext: true}},
		"OKLastPage":     {pagination.Request{Limit: 2, After: id.Some(key)}, []int{3}, pagination.Result[int]{Items: []int{3}, HasPrevious: true}},
		"OKBackward":     {pagination.Request{Limit: 2, Backward: true}, []int{9, 8, 7}, pagination.Result[int]{Items: []int{8, 9}, HasPrevious: true}},
		"OKBackwardInto": {pagination.Request{Limit: 2, Backward: true, Before: id.Some(key)}, []int{2, 1}, pagination.Result[int]{Items: []int{1, 2}, HasNext: true}},
		"OKEmpty":        {pagination.Request{Limit: 2}, nil, pagination.Result[int]{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := pagination.Cut(tt.request, tt.rows)
			if !slices.Equal(got.Items, tt.want.Items) || got.HasNext != tt.want.HasNext || got.HasPrevious != tt.want.HasPrevious {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
