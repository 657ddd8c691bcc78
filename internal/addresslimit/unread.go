package addresslimit

import (
	"sync"
	"time"

	"github.com/orderwire/orderwire/internal/fault"
)

// ErrUnread is the error for a client with too many unread bytes.
var ErrUnread = fault.RetryLater(fault.RateLimited, "Your address has too many unread answers: read them first.", time.Second)

// Unread bounds the bytes that clients have not read, for each key, such as an address. Each connection has a bound of its
// own, but without this one memory would grow with the number of connections whose clients do not read.
type Unread struct {
	limit int

	mu   sync.Mutex
	held map[string]int
}

// NewUnread returns a bound of limit bytes for each key.
func NewUnread(limit int) *Unread { return &Unread{limit: limit, held: map[string]int{}} }

// Of returns the account of a key.
func (u *Unread) Of(key string) *Account { return &Account{u, key} }

// Account counts the bytes of one key. A nil account has no bound.
type Account struct {
	unread *Unread
	key    string
}

// smallAnswer is the size up to which an answer is not counted while it is written. A client that reads takes it at once,
// and must not suffer for neighbours that do not read.
const smallAnswer = 16 << 10

// ReserveAnswer counts n bytes that are about to be written; Release must be called with held. It reports false, and counts
// nothing, when the key holds other bytes and would exceed its limit.
func (a *Account) ReserveAnswer(n int) (held int, ok bool) {
	if a == nil || n <= smallAnswer {
		return 0, true
	}
	a.unread.mu.Lock()
	defer a.unread.mu.Unlock()
	if has := a.unread.held[a.key]; has > 0 && has+n > a.unread.limit {
		return 0, false
	}
	a.unread.held[a.key] += n
	return n, true
}

// ErrRequests is the error for a client whose running operations have too many bytes of requests.
var ErrRequests = fault.RetryLater(fault.RateLimited, "The running operations of your address have too many bytes of documents and variables: complete some first.", time.Second)

// smallRequest is the size up to which a request is not counted, so that everyday ones never reach the limit.
const smallRequest = 4 << 10

// ReserveRequest counts the n bytes of a request while its operation runs; Release must be called with held. It reports
// false, and counts nothing, when the key would exceed its limit.
func (a *Account) ReserveRequest(n int) (held int, ok bool) {
	if a == nil || n <= smallRequest {
		return 0, true
	}
	if !a.reserve(n) {
		return 0, false
	}
	return n, true
}

// reserve counts n bytes, or reports false when the key would exceed its limit.
func (a *Account) reserve(n int) bool {
	a.unread.mu.Lock()
	defer a.unread.mu.Unlock()
	if a.unread.held[a.key]+n > a.unread.limit {
		return false
	}
	a.unread.held[a.key] += n
	return true
}

// Add counts n bytes, even beyond the limit.
func (a *Account) Add(n int) (held int) {
	if a == nil || n == 0 {
		return 0
	}
	a.unread.mu.Lock()
	defer a.unread.mu.Unlock()
	a.unread.held[a.key] += n
	return n
}

// Full reports whether the key has reached its limit.
func (a *Account) Full() bool {
	if a == nil {
		return false
	}
	a.unread.mu.Lock()
	defer a.unread.mu.Unlock()
	return a.unread.held[a.key] >= a.unread.limit
}

// Release ends the count of reserved or added bytes.
func (a *Account) Release(held int) {
	if a == nil || held == 0 {
		return
	}
	a.unread.mu.Lock()
	defer a.unread.mu.Unlock()
	if a.unread.held[a.key] -= held; a.unread.held[a.key] <= 0 {
		delete(a.unread.held, a.key)
	}
}

// Held returns the number of bytes that all keys hold.
func (u *Unread) Held() (total int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, n := range u.held {
		total += n
	}
	return total
}
