package fault

import (
	"errors"
	"time"
)

const retryAfter = "retryAfter"

// RetryLater is a top-level error that goes away by itself: extensions.retryAfter says after how many whole seconds the
// same request may succeed, at least 1. Over HTTP the header Retry-After says the same (RFC 9110 section 10.2.3).
func RetryLater(code Code, message string, after time.Duration) *Error {
	seconds := int((after + time.Second - 1) / time.Second)
	return New(code, message).With(retryAfter, max(seconds, 1))
}

// RetryAfter gives the seconds of the RetryLater in err's chain.
func RetryAfter(err error) (seconds int, ok bool) {
	if e, isFault := errors.AsType[*Error](err); isFault {
		seconds, ok = e.Extensions[retryAfter].(int)
	}
	return seconds, ok
}
