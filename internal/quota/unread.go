package quota

import (
	"sync"
	"time"

	"github.com/orderwire/orderwire/internal/fault"
)

// ErrUnread is what a client is told whose answers wait in too many bytes.
var ErrUnread = fault.RetryLater(fault.RateLimited, "Your address has not read the answers that it has: read them first.", time.Second)

// Unread bounds the bytes that wait until clients read them, for each key, such as the clients' address. Each connection has a bound of
// its own; without this one, memory would grow with the number of connections whose clients do not read.
type Unread struct {
	limit int

	mu   sync.Mutex
	held map[string]int
}

// NewUnread returns a bound of limit bytes for each key.
func NewUnread(limit int) *Unread { return &Unread{limit: limit, held: map[string]int{}} }

// Of is the account of a key.
func (u *Unread) Of(key string) *Account { return &Account{u, key} }

// Account is what one key holds. A nil account has no bound.
type Account struct {
	unread *Unread
	key    string
}

// small is up to how many bytes are not counted while they are written: a client that reads has them at once, and it is not to suffer
// for its neighbours that do not read.
const small = 16 << 10

// Hold counts n bytes that are about to be written, until as many as it says are released. It reports false, and counts nothing, when
// that would be more than the key may hold beside others.
func (a *Account) Hold(n int) (held int, ok bool) {
	if a == nil || n <= small {
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

// ErrKept is what a client is told whose operations that run have too many bytes of requests.
var ErrKept = fault.RetryLater(fault.RateLimited, "The operations of your address that run have too long documents and variables: end some first.", time.Second)

// short is up to how many bytes of a request are not counted while its operation runs, so that everyday ones hold up nobody.
const short = 4 << 10

// Keep counts the n bytes of a request, which are kept as long as its operation runs, until as many as it says are released. It reports
// false, and counts nothing, when that would be more than the key may hold.
func (a *Account) Keep(n int) (held int, ok bool) {
	if a == nil || n <= short {
		return 0, true
	}
	if !a.reserve(n) {
		return 0, false
	}
	return n, true
}

// reserve counts n bytes, or reports false when that would be more than the key may hold.
func (a *Account) reserve(n int) bool {
	a.unread.mu.Lock()
	defer a.unread.mu.Unlock()
	if a.unread.held[a.key]+n > a.unread.limit {
		return false
	}
	a.unread.held[a.key] += n
	return true
}

// Add counts n bytes in any case.
func (a *Account) Add(n int) (held int) {
	if a == nil || n == 0 {
		return 0
	}
	a.unread.mu.Lock()
	defer a.unread.mu.Unlock()
	a.unread.held[a.key] += n
	return n
}

// Full reports whether the key holds as much as it may.
func (a *Account) Full() bool {
	if a == nil {
		return false
	}
	a.unread.mu.Lock()
	defer a.unread.mu.Unlock()
	return a.unread.held[a.key] >= a.unread.limit
}

// Release ends the count of bytes that were held.
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

// Held is how many bytes all keys hold.
func (u *Unread) Held() (total int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, n := range u.held {
		total += n
	}
	return total
}
