package addresslimit

import (
	"io"
	"net/http"
	"time"

	"github.com/orderwire/orderwire/internal/fault"
)

// errBodies is the error for an address with too many bytes of unfinished requests.
var errBodies = fault.RetryLater(fault.RateLimited, "Too many requests of your address are incomplete: finish them first.", time.Second)

// bodyStep is the unit in which a body is counted.
const bodyStep = 16 << 10

// Bodies bounds the bytes of partly received request bodies, for each address. Each request has a bound of its own, but
// without this one memory would grow with the number of unfinished requests. A body counts from its first read to its end,
// in steps of 16 KiB. So a body that arrives with its header counts for a moment only.
type Bodies struct {
	held *Unread
	of   func(*http.Request) string
}

// NewBodies returns a bound of limit bytes for each address that of returns.
func NewBodies(limit int, of func(*http.Request) string) *Bodies {
	return &Bodies{held: NewUnread(limit), of: of}
}

// Held returns the number of bytes that count now, of all addresses.
func (b *Bodies) Held() int { return b.held.Held() }

// Middleware passes on requests with a counted body. Reading beyond the limit of the address returns a *fault.Error,
// RATE_LIMITED.
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

// countedBody is a counted request body. Only the handler's goroutine reads it.
type countedBody struct {
	io.ReadCloser
	account    *Account
	read, held int
}

// Read implements io.Reader.
func (b *countedBody) Read(p []byte) (int, error) {
	if !b.reserve(1) {
		return 0, errBodies
	}
	n, err := b.ReadCloser.Read(p)
	b.read += n
	if err != nil {
		b.release()
		return n, err
	}
	if !b.reserve(b.read) {
		return n, errBodies
	}
	return n, nil
}

// reserve counts enough steps for n bytes, or reports false.
func (b *countedBody) reserve(n int) bool {
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
