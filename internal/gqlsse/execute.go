package gqlsse

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/stream"
)

// execute runs one operation and writes its results. Errors before execution are a `next` and a `complete` on an
// accepted stream, as the protocol demands: a browser's EventSource cannot read the body of a 400.
func (t *Transport) execute(
	ctx context.Context, method string, out *response, exec graphql.GraphExecutor, params *graphql.RawParams,
) {
	ctx, slot := stream.NewContext(ctx)
	opCtx, errs := exec.CreateOperationContext(ctx, params)
	if method == http.MethodGet && opCtx.Operation != nil && opCtx.Operation.Operation == ast.Mutation {
		// A link or an image of a foreign page is a GET.
		(&refusal{
			status: http.StatusMethodNotAllowed, allow: http.MethodPost,
			fault: fault.New(fault.BadUserInput, "Mutations need POST."),
		}).write(out.w)
		return
	}
	for _, e := range errs {
		seconds, limited := fault.RetryAfter(e.Err)
		if refused, ok := errors.AsType[*fault.Error](e.Err); ok && limited { // a status, which proxies see, and no stream
			(&refusal{status: http.StatusTooManyRequests, retry: seconds, fault: refused}).write(out.w)
			return
		}
	}
	defer out.finish()
	defer func() {
		if p := recover(); p != nil {
			t.cfg.Logger.ErrorContext(ctx, "event stream panicked", "panic", p, "stack", string(debug.Stack()))
			out.fail(gqlerror.List{present(fault.New(fault.Internal, "internal error"))})
		}
	}()
	if out.start() != nil {
		return
	}
	if errs != nil {
		out.fail(exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), errs).Errors)
		return
	}
	defer func() {
		if s := slot.Stream(); s != nil {
			s.Close()
		}
	}()
	responses, opened := exec.DispatchOperation(ctx, opCtx)
	next := func() (stream.Item, error) {
		response := responses(opened)
		if response == nil {
			return stream.Item{}, stream.ErrDone
		}
		return stream.Item{Response: response}, nil
	}
	if s := slot.Stream(); s != nil {
		reader := stream.NewReader(s)
		next = func() (stream.Item, error) { return reader.Next(ctx) }
	}
	t.end(opened, out, exec, pump(out, next))
}

var (
	// errGone says that the client does not read any more.
	errGone = errors.New("the client is gone")
	// errFailed says that the operation was refused before its execution, and that the client has been told.
	errFailed = errors.New("refused")
)

// pump writes items until there is none, and returns why: errGone, errFailed, or the error of next.
// Nothing is asked for while an event cannot be written.
func pump(out *response, next func() (stream.Item, error)) error {
	for {
		item, err := next()
		if err != nil {
			return err
		}
		if len(item.Response.Data) == 0 && len(item.Response.Errors) > 0 {
			out.fail(item.Response.Errors) // without "data", which says that nothing was executed
			return errFailed
		}
		if out.next(item.Cursor, item.Response) != nil {
			return errGone
		}
	}
}

// end ends the stream. complete tells the client not to come back, so it is sent only when the operation is over; a
// client whose stream just ends reconnects and resumes.
func (t *Transport) end(ctx context.Context, out *response, exec graphql.GraphExecutor, err error) {
	if errors.Is(err, errFailed) {
		return
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx) // a cancelled stream ends in many ways; this is the reason
	}
	refused, isFault := errors.AsType[*fault.Error](err)
	slow, isSlow := errors.AsType[*stream.SlowConsumerError](err)
	switch {
	case isFault:
		// Without ctx's end: this last answer is still to be presented.
		ctx = context.WithoutCancel(ctx)
		out.fail(exec.DispatchError(ctx, gqlerror.List{present(refused)}).Errors)
	case errors.Is(err, stream.ErrDone):
		out.complete()
	case errors.Is(err, stream.ErrDraining):
		out.comment(err.Error())
	case isSlow && slow.Cursor != "":
		// The same place is the last `id:` that was sent, which a client repeats as Last-Event-ID by itself.
		out.comment("slow consumer: reconnect and resume with Last-Event-ID: " + slow.Cursor)
	case isSlow:
		out.comment("slow consumer: reconnect")
	case errors.Is(err, errGone), errors.Is(err, context.Canceled):
	default:
		t.cfg.Logger.ErrorContext(ctx, "subscription failed", "error", err)
	}
}
