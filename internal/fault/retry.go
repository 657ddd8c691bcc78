package fault

import (
	"errors"
	"slices"
	"strconv"
	"time"
)

const retryAfter = "retryAfter"

// RetryLater is a top-level error that goes away by itself: extensions.retryAfter says after how many whole seconds the
// same request may succeed, at least 1. Over HTTP the header Retry-After says the same (RFC 9110 section 10.2.3).
func RetryLater(code Code, message string, after time.Duration) *Error {
	seconds := int((after + time.Second - 1) / time.Second)
	return New(code, message).With(retryAfter, max(seconds, 1))
}

// UserLater is a user error that goes away by itself, as RetryLater is a top-level one; its message says when.
func UserLater(code Code, message string, after time.Duration, field ...string) *Error {
	e := RetryLater(code, message, after)
	seconds, _ := RetryAfter(e)
	e.Message += " Try again in " + inWords(seconds) + "."
	e.Field, e.user = slices.Clone(field), true
	return e
}

// inWords rounds up to whole minutes above two of them.
func inWords(seconds int) string {
	switch {
	case seconds == 1:
		return "1 second"
	case seconds < 120:
		return strconv.Itoa(seconds) + " seconds"
	default:
		return strconv.Itoa((seconds+59)/60) + " minutes"
	}
}

// RetryAfter gives the seconds of the RetryLater or UserLater in err's chain.
func RetryAfter(err error) (seconds int, ok bool) {
	if e, isFault := errors.AsType[*Error](err); isFault {
		seconds, ok = e.Extensions[retryAfter].(int)
	}
	return seconds, ok
}
