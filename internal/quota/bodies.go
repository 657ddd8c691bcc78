package quota

import (
	"io"
	"net/http"
	"time"

	"github.com/orderwire/orderwire/internal/fault"
)

// errBodies is what a client is told whose address has too many bytes of requests on their way.
var errBodies = fault.RetryLater(fault.RateLimited, "Too many requests of your address have not arrived whole: finish them first.", time.Second)

// bodyStep is what a body counts as at least, and what it grows by.
const bodyStep = 16 << 10

// Bodies bounds the bytes of bodies that have arrived in part, for each address. Each request has a bound of its own; without this one,
// memory would grow with the number of requests whose clients do not finish. A body counts from the first read of it until its end,
// in steps of 16 KiB, so one that comes with its header hardly counts at all.
type Bodies struct {
	held *Unread
	of   func(*http.Request) string
}

// NewBodies returns a bound of limit bytes for each address that of tells.
func NewBodies(limit int, of func(*http.Request) string) *Bodies {
	return &Bodies{held: NewUnread(limit), of: of}
}

// Held is how many bytes count now, of all addresses.
func (b *Bodies) Held() int { return b.held.Held() }

// Middleware gives next requests whose body counts. Reading more of one than its address may hold is a *fault.Error, RATE_LIMITED.
func (b *Bodies) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			counted := &countedBody{ReadCloser: r.Body, account: b.held.Of(b.of(r))}
			defer counted.release()
			r.Body = counted
		}
		next.ServeHTTP(w, r)
	})
}

// countedBody is read by one goroutine, the handler's.
type countedBody struct {
	io.ReadCloser
	account    *Account
	read, held int
}

// Read implements io.Reader.
func (b *countedBody) Read(p []byte) (int, error) {
	if !b.hold(1) {
		return 0, errBodies
	}
	n, err := b.ReadCloser.Read(p)
	b.read += n
	if err != nil {
		b.release()
		return n, err
	}
	if !b.hold(b.read) {
		return n, errBodies
	}
	return n, nil
}

// hold counts enough steps for n bytes, or reports false.
func (b *countedBody) hold(n int) bool {
	for b.held < n {
		if !b.account.reserve(bodyStep) {
			return false
		}
		b.held += bodyStep
	}
	return true
}

func (b *countedBody) release() {
	b.account.Release(b.held)
	b.held = 0
}
