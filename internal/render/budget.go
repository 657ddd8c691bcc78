package render

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
)

// Budget bounds what is built for one answer: a query's or a mutation's, or one item's of a subscription. All goroutines that
// build the answer share it.
//
// A cost that is counted before execution bounds what the answer could be at most, with every list at its maximum. Refusing by
// that alone would refuse documents whose answers are nearly always small, so the bytes are counted again while they are
// written. The first object above the budget stops all others: nobody builds what nobody will get.
type Budget struct {
	done     <-chan struct{}
	bytes    atomic.Int64
	executed atomic.Int64
	objects  atomic.Int64
	limit    int64
	stopped  atomic.Int32
}

// Reasons to stop, of Budget.Err.
var (
	// ErrTooLarge: the answer is larger than the budget.
	ErrTooLarge = errors.New("the answer is larger than its budget")
	// ErrEnded: the time for the operation is over, or nobody waits for the answer any more.
	ErrEnded = errors.New("nobody waits for the answer any more")
)

const (
	running int32 = iota
	tooLarge
	ended
)

// mostExecuted is how many fields of one answer gqlgen may execute by itself: those of introspection, and those of objects that
// a renderer left to it. Such a field holds up to a kilobyte until the answer is written, and takes three microseconds with what
// its garbage takes, so all together stay below 100 ms. GraphiQL's introspection of this schema has 10,000.
const mostExecuted = 25_000

type budgetKey struct{}

// WithBudget gives what is built in ctx a budget of so many bytes, and of the time until ctx ends.
func WithBudget(ctx context.Context, bytes int) (context.Context, *Budget) {
	b := &Budget{done: ctx.Done(), limit: int64(bytes)}
	return context.WithValue(ctx, budgetKey{}, b), b
}

// unlimited is the budget of what is built outside WithBudget.
var unlimited = &Budget{limit: 1 << 62}

func budgetOf(ctx context.Context) *Budget {
	if b, ok := ctx.Value(budgetKey{}).(*Budget); ok {
		return b
	}
	return unlimited
}

// Err tells why the answer cannot be had: ErrTooLarge, ErrEnded, or nil while it can.
func (b *Budget) Err() error {
	switch b.stopped.Load() {
	case tooLarge:
		return ErrTooLarge
	case ended:
		return ErrEnded
	default:
		return nil
	}
}

// Objects is how many objects the renderers have begun.
func (b *Budget) Objects() int64 { return b.objects.Load() }

// spend takes bytes, which may be negative, and reports whether to go on.
func (b *Budget) spend(bytes int) bool {
	if b == unlimited {
		return true
	}
	if b.bytes.Add(int64(bytes)) > b.limit {
		b.stopped.CompareAndSwap(running, tooLarge)
	}
	select {
	case <-b.done:
		b.stopped.CompareAndSwap(running, ended)
	default:
	}
	return b.stopped.Load() == running
}

// Fields bounds the fields that gqlgen executes by itself. It is a graphql.FieldMiddleware.
func Fields(ctx context.Context, next graphql.Resolver) (any, error) {
	b := budgetOf(ctx)
	if b == unlimited {
		return next(ctx)
	}
	if b.executed.Add(1) > mostExecuted {
		b.stopped.CompareAndSwap(running, tooLarge)
	}
	if field := graphql.GetFieldContext(ctx); !b.spend(len(field.Field.Alias) + len(`"":,`)) {
		return nil, b.Err()
	}
	value, err := next(ctx)
	switch text := value.(type) {
	case string:
		b.spend(len(text))
	case *string:
		if text != nil {
			b.spend(len(*text))
		}
	}
	return value, err
}

// Run is one goroutine's part of an answer. It counts for itself and tells the budget now and then, since a counter that all
// goroutines share is slow to change.
type Run struct {
	budget  *Budget
	counted int
	objects int
}

const (
	// runObjects and runBytes are what a run may add before it asks the budget.
	runObjects = 64
	runBytes   = 16 << 10
)

// Object counts an object that is begun, with what was written before it, and reports whether to write it.
func (r *Run) Object(out Out) bool {
	r.objects++
	if r.objects < runObjects && len(out)-r.counted < runBytes {
		return true
	}
	return r.tell(len(out))
}

func (r *Run) tell(length int) bool {
	if r.budget != unlimited {
		r.budget.objects.Add(int64(r.objects))
	}
	taken := length - r.counted
	r.objects, r.counted = 0, length
	return r.budget.spend(taken)
}

// Object builds an object with its renderer. It reports false when gqlgen is to execute it. Nothing is executed once the answer
// cannot be had any more.
func Object(ctx context.Context, render func(run *Run) (Out, bool)) (graphql.Marshaler, bool) {
	run := Run{budget: budgetOf(ctx)}
	if Off.Load() {
		return graphql.Null, !run.budget.spend(0)
	}
	out, ok := render(&run)
	if ok && run.tell(len(out)) {
		return out, true
	}
	if run.budget.Err() != nil {
		return graphql.Null, true
	}
	run.budget.spend(-run.counted) // it is executed instead, and counted then
	return nil, false
}

// RootObject is Root of an object that its renderer appends to out. It reports false when gqlgen is to execute the object.
func RootObject(ctx context.Context, alias string, render func(run *Run, out Out) (Out, bool)) (Out, bool) {
	object, ok := Object(ctx, func(run *Run) (Out, bool) { return render(run, root(alias)) })
	if out, rendered := object.(Out); ok && rendered {
		return append(out, '}'), true
	}
	return Out("null"), ok // of what cannot be had any more, nothing is sent
}
