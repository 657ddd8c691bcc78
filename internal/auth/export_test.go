package auth

import "time"

// NewDevAt is NewDev with a clock, for tests of expiry.
func NewDevAt(key []byte, now func() time.Time) (*Dev, error) { return newDev(key, now) }

// At sets the clock, for tests of expiry.
func (o *OIDC) At(now func() time.Time) *OIDC {
	o.now = now
	return o
}
