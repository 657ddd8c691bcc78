package render

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
)

// Budget bounds the size of one answer: of a query, of a mutation, or of one item of a subscription. All goroutines that
// build the answer share it.
//
// The cost before execution is an upper bound: it assumes every list at its maximum. So its limit is generous, in order not to
// refuse documents whose answers are nearly always small. Budget counts the bytes that are really written. The first object
// above the budget stops all goroutines.
type Budget struct {
	done     <-chan struct{}
	bytes    atomic.Int64
	executed atomic.Int64
	objects  atomic.Int64
	limit    int64
	stopped  atomic.Int32
}

// Errors of Budget.Err.
var (
	// ErrTooLarge means that the answer is larger than the budget.
	ErrTooLarge = errors.New("the answer is larger than its budget")
	// ErrEnded means that the operation's time has passed or that nobody waits for the answer.
	ErrEnded = errors.New("the operation ended before its answer was complete")
)

const (
	running int32 = iota
	tooLarge
	ended
)

// maxExecuted bounds the fields of one answer that gqlgen executes itself: those of introspection, and those of objects
// that a renderer left to gqlgen. Such a field holds up to a kilobyte until the answer is written, and takes three
// microseconds with its garbage collection, so all together take less than 100 ms. GraphiQL's introspection of this schema
// has 10,000.
const maxExecuted = 25_000

type budgetKey struct{}

// WithBudget returns a context for an answer of at most the given bytes. The budget also ends with ctx.
func WithBudget(ctx context.Context, bytes int) (context.Context, *Budget) {
	b := &Budget{done: ctx.Done(), limit: int64(bytes)}
	return context.WithValue(ctx, budgetKey{}, b), b
}

// unlimited is the budget of a context without WithBudget.
var unlimited = &Budget{limit: 1 << 62}

func budgetOf(ctx context.Context) *Budget {
	if b, ok := ctx.Value(budgetKey{}).(*Budget); ok {
		return b
	}
	return unlimited
}

// Err returns the reason for abandoning the answer, ErrTooLarge or ErrEnded, or nil.
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

// Objects returns the number of objects that renderers have begun.
func (b *Budget) Objects() int64 { return b.objects.Load() }

// spend takes bytes, which may be negative, and reports whether to continue.
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

// Fields bounds the fields that gqlgen executes itself. It is a graphql.FieldMiddleware.
func Fields(ctx context.Context, next graphql.Resolver) (any, error) {
	b := budgetOf(ctx)
	if b == unlimited {
		return next(ctx)
	}
	if b.executed.Add(1) > maxExecuted {
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

// Run is one goroutine's part of an answer. It counts for itself and reports to the budget now and then, because a shared
// counter is slow to change.
type Run struct {
	budget  *Budget
	counted int
	objects int
}

const (
	// runObjects and runBytes bound what a run adds between two reports.
	runObjects = 64
	runBytes   = 16 << 10
)

// Object counts an object that begins, with the bytes written before it, and reports whether to write it.
func (r *Run) Object(out Out) bool {
	r.objects++
	if r.objects < runObjects && len(out)-r.counted < runBytes {
		return true
	}
	return r.report(len(out))
}

func (r *Run) report(length int) bool {
	if r.budget != unlimited {
		r.budget.objects.Add(int64(r.objects))
	}
	taken := length - r.counted
	r.objects, r.counted = 0, length
	return r.budget.spend(taken)
}

// Object builds an object with its renderer. It returns false when gqlgen has to execute it. Nothing is executed once the
// answer is given up.
func Object(ctx context.Context, render func(run *Run) (Out, bool)) (graphql.Marshaler, bool) {
	run := Run{budget: budgetOf(ctx)}
	if Off.Load() {
		return graphql.Null, !run.budget.spend(0)
	}
	out, ok := render(&run)
	if ok && run.report(len(out)) {
		return out, true
	}
	if run.budget.Err() != nil {
		return graphql.Null, true
	}
	run.budget.spend(-run.counted) // gqlgen executes it instead, and Fields counts it
	return nil, false
}

// RootObject is Root for an object that its renderer appends to out. It returns false when gqlgen has to execute the object.
func RootObject(ctx context.Context, alias string, render func(run *Run, out Out) (Out, bool)) (Out, bool) {
	object, ok := Object(ctx, func(run *Run) (Out, bool) { return render(run, root(alias)) })
	if out, rendered := object.(Out); ok && rendered {
		return append(out, '}'), true
	}
	return Out("null"), ok // an answer that was given up is not sent
}
