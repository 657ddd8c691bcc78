package auth

import (
	"time"

	"golang.org/x/time/rate"
)

// NewDevAt is NewDev with a clock, for tests of expiry.
func NewDevAt(key []byte, now func() time.Time) (*Dev, error) { return newDev(key, now) }

// At sets the clock, for tests of expiry.
func (o *OIDC) At(now func() time.Time) *OIDC {
	o.now = now
	return o
}

// HoldBack has the issuer not asked for keys again.
func HoldBack(o *OIDC) { o.keys.looks = rate.NewLimiter(0, 0) }
