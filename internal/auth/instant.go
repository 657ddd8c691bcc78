package auth

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// instant is a NumericDate (RFC 7519 section 2: seconds since 1970, fractions allowed) to the microsecond. It is read
// digit by digit: a float64 would round it, and a token issued right after a revocation would fall before it.
type instant struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (i instant) MarshalJSON() ([]byte, error) {
	micros := i.UnixMicro()
	return fmt.Appendf(nil, "%d.%06d", micros/1e6, micros%1e6), nil
}

// UnmarshalJSON implements json.Unmarshaler. Digits beyond the microsecond are dropped, so the moment is never later than
// the token's.
func (i *instant) UnmarshalJSON(text []byte) error {
	whole, fraction, _ := strings.Cut(string(text), ".")
	seconds, err := strconv.ParseUint(whole, 10, 40)
	if err != nil {
		return fmt.Errorf("iat: %w", err)
	}
	micros, err := strconv.ParseUint((fraction + "000000")[:6], 10, 32)
	if err != nil {
		return fmt.Errorf("iat: %w", err)
	}
	i.Time = time.Unix(int64(seconds), int64(micros)*1000)
	return nil
}
