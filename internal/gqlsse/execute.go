package gqlsse

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/requestid"
	"github.com/orderwire/orderwire/internal/stream"
)

// execute runs one operation and writes its results. Errors before the execution are a `next` and a `complete` on an
// accepted stream, as the protocol requires: a browser's EventSource cannot read the body of a 400.
//
// The stock client sends an operation again, mutations too, when its stream ends without `complete`. So only a subscription,
// which should resume, may end without it. Once a query or a mutation has begun, its stream always ends with `complete`.
func (t *Transport) execute(
	ctx context.Context, r *http.Request, out *response, exec graphql.GraphExecutor, params *graphql.RawParams,
) {
	opCtx, errs := exec.CreateOperationContext(ctx, params)
	if r.Method == http.MethodGet && opCtx.Operation != nil && opCtx.Operation.Operation == ast.Mutation {
		// A GET may come from a link or an image of a foreign page.
		(&refusal{
			status: http.StatusMethodNotAllowed, allow: http.MethodPost,
			fault: fault.New(fault.BadUserInput, "Mutations need POST."),
		}).write(out.w)
		return
	}
	for _, e := range errs {
		seconds, limited := fault.RetryAfter(e.Err)
		if refused, ok := errors.AsType[*fault.Error](e.Err); ok && limited { // a status that proxies understand, not a stream
			(&refusal{status: http.StatusTooManyRequests, retry: seconds, fault: refused}).write(out.w)
			return
		}
	}
	if errs == nil && out.unread.Full() {
		busy(http.StatusTooManyRequests, fault.New(fault.RateLimited, addresslimit.ErrUnread.Message)).write(out.w)
		return
	}
	subscribes := errs == nil && opCtx.Operation.Operation == ast.Subscription
	if subscribes {
		var refused *refusal
		if ctx, refused = t.open(ctx); refused != nil {
			refused.write(out.w)
			return
		}
		defer t.expire(ctx, out)()
		ctx = stream.WithLastCursor(ctx, r.Header.Get("Last-Event-ID"))
	}
	defer out.finish()
	defer func() {
		if p := recover(); p != nil {
			t.cfg.Logger.ErrorContext(ctx, "event stream panicked", "panic", p, "stack", string(debug.Stack()))
			out.fail(gqlerror.List{present(internal(ctx))})
		}
	}()
	switch {
	case out.start() != nil:
	case errs != nil:
		out.fail(exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), errs).Errors)
	case subscribes:
		t.stream(ctx, out, exec, opCtx)
	default:
		t.answer(ctx, out, exec, opCtx)
	}
}

// internal returns the error that hides an unexpected failure from the client. Its request id leads to the log.
func internal(ctx context.Context) *fault.Error {
	f := fault.New(fault.Internal, "internal error")
	if id := requestid.FromContext(ctx); id != "" {
		f = f.With("requestId", id)
	}
	return f
}

// answer runs a query or a mutation and sends its result. No session can end it midway: as over plain HTTP, it is answered
// once it was admitted.
func (t *Transport) answer(ctx context.Context, out *response, exec graphql.GraphExecutor, opCtx *graphql.OperationContext) {
	// Middleware may end inner as soon as there is a result, so its end says nothing about the stream.
	responses, inner := exec.DispatchOperation(ctx, opCtx)
	result := responses(inner)
	switch {
	case result == nil: // its context ended before the execution
		out.fail(gqlerror.List{present(stream.ErrUnanswered)})
	case unexecuted(result):
		out.fail(result.Errors)
	default:
		if err := out.answer(result, opCtx.Operation.Operation == ast.Mutation); errors.Is(err, addresslimit.ErrUnread) {
			out.fail(gqlerror.List{present(addresslimit.ErrUnread)})
		} else if err != nil {
			t.cfg.Logger.ErrorContext(ctx, "encoding a result as JSON failed", "error", err)
			out.fail(gqlerror.List{present(internal(ctx))})
		}
	}
}

// stream runs a subscription: it sends the items, then ends the stream.
func (t *Transport) stream(ctx context.Context, out *response, exec graphql.GraphExecutor, opCtx *graphql.OperationContext) {
	opened, refused := stream.Subscribe(ctx, exec, opCtx)
	if refused != nil {
		out.fail(refused.Errors)
		return
	}
	defer opened.Close()
	t.end(graphql.WithOperationContext(ctx, opCtx), out, exec, pump(ctx, out, stream.NewReader(opened)))
}

// errGone means that the client no longer reads.
var errGone = errors.New("the client is gone")

// pump writes items until the stream ends, and returns the reason: errGone, a *stream.SlowConsumerError, or the reader's
// error. It asks for the next item only when the event before it is written (backpressure).
func pump(ctx context.Context, out *response, items *stream.Reader) error {
	for {
		item, err := items.Next(ctx)
		if err != nil {
			return err
		}
		err = out.next(item.Cursor, item.Response)
		if slow, is := errors.AsType[*stream.SlowConsumerError](err); is {
			return slow
		}
		if err != nil {
			return errGone
		}
	}
}

// unexecuted reports whether a response has no "data", so nothing was executed.
func unexecuted(response *graphql.Response) bool {
	return len(response.Data) == 0 && len(response.Errors) > 0
}

// end ends a subscription's stream. ctx is the stream's context, which ends with its session. complete tells the client not
// to reconnect, so it is sent only when the operation is over. Without it, the client reconnects and resumes.
func (t *Transport) end(ctx context.Context, out *response, exec graphql.GraphExecutor, err error) {
	if ctx.Err() != nil {
		err = context.Cause(ctx) // a cancelled stream may fail with any error; the cause is the reason
	}
	refused, isFault := errors.AsType[*fault.Error](err)
	slow, isSlow := errors.AsType[*stream.SlowConsumerError](err)
	switch {
	case isFault:
		// The session has ended, but this last error is still presented.
		ctx = context.WithoutCancel(ctx)
		out.fail(exec.DispatchError(ctx, gqlerror.List{present(refused)}).Errors)
	case errors.Is(err, stream.ErrDone):
		out.complete()
	case errors.Is(err, stream.ErrDraining), errors.Is(err, stream.ErrOutdated):
		out.comment(err.Error())
	case isSlow && slow.Cursor != "":
		// The client repeats the last `id:`, which is the same cursor, as Last-Event-ID by itself.
		out.comment("slow consumer: reconnect and resume with Last-Event-ID: " + slow.Cursor)
	case isSlow:
		out.comment("slow consumer: reconnect")
	case errors.Is(err, errGone), errors.Is(err, context.Canceled):
	default:
		t.cfg.Logger.ErrorContext(ctx, "subscription failed", "error", err)
	}
}
