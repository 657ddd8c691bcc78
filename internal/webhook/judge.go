package webhook

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// backoff has the pause after each failed attempt. After the last one the delivery has FAILED.
var backoff = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 24 * time.Hour,
}

const (
	// jitter of a pause: up to a fifth more or less, so that what failed together is not repeated together.
	jitter = 0.2
	// A receiver can ask for pauses of these lengths (Retry-After). Without the maximum, one wrong answer would end an endpoint.
	minPause = time.Second
	maxPause = time.Hour
	// throttlePause is an endpoint's pause after a 429 or 503 that does not say how long.
	throttlePause = 5 * time.Second

	goneReason = "The receiver answered 410 Gone: it wants nothing more."
)

// answer is a receiver's. Its zero value is none.
type answer struct {
	status int
	// retryAfter is the pause that the receiver asked for; nil: it does not say.
	retryAfter *time.Duration
}

func answerOf(r *http.Response) answer {
	return answer{status: r.StatusCode, retryAfter: retryAfter(r.Header)}
}

// retryAfter reads Retry-After (RFC 9110 section 10.2.3), seconds or a date, within minPause and maxPause. A date is compared with the
// answer's own Date, so that it does not matter whose clock is wrong.
func retryAfter(header http.Header) *time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if text == "" {
		return nil
	}
	var pause time.Duration
	if isDigits(text) {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds > int64(maxPause/time.Second) {
			seconds = int64(maxPause / time.Second)
		}
		pause = time.Duration(seconds) * time.Second
	} else {
		until, err := http.ParseTime(text)
		if err != nil {
			return nil
		}
		from, err := http.ParseTime(header.Get("Date"))
		if err != nil {
			from = time.Now()
		}
		pause = until.Sub(from)
	}
	pause = min(max(pause, minPause), maxPause)
	return &pause
}

// judge turns an answer into what becomes of the delivery and of its endpoint. cut: we ended the request ourselves, because the
// server stops.
func (d *Deliverer) judge(c *Claimed, a answer, err error, cut bool) Outcome {
	now := d.cfg.Clock()
	var o Outcome
	if err == nil {
		o.ResponseStatus = &a.status
	}
	switch {
	case err == nil && a.status >= 200 && a.status < 300:
		o.Status = Delivered
		return o
	case cut && err != nil:
		o.Status, o.NextAttemptAt = Pending, &now
		return o
	}
	o.Failure = d.failure(a, now)
	if a.status == http.StatusGone {
		o.Status, o.DisableEndpoint = Failed, goneReason
		return o
	}
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		until := later(now, throttlePause)
		if a.retryAfter != nil {
			until = later(now, *a.retryAfter)
		}
		o.PauseEndpoint = &until
	}
	if c.Try > len(backoff) {
		o.Status = Failed
		return o
	}
	pause := backoff[c.Try-1]
	pause += time.Duration(jitter * (2*rand.Float64() - 1) * float64(pause)) //nolint:gosec // spreads load, hides nothing
	if a.retryAfter != nil {
		pause = max(pause, *a.retryAfter)
	}
	next := later(now, pause)
	o.Status, o.NextAttemptAt = Pending, &next
	return o
}

func (d *Deliverer) failure(a answer, now time.Time) *Failure {
	f := &Failure{At: now}
	if d.cfg.DisableAfter > 0 {
		f.DisableBefore = now.Add(-d.cfg.DisableAfter)
		last := "The last one got no answer."
		if a.status != 0 {
			last = fmt.Sprintf("The last answer had the status %d.", a.status)
		}
		f.Reason = fmt.Sprintf("No request succeeded for %s. %s", inWords(d.cfg.DisableAfter), last)
	}
	return f
}

// inWords writes whole days and hours for people.
func inWords(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d > day && d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	case d > time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return d.String()
}

// later is a moment as PostgreSQL keeps it.
func later(now time.Time, by time.Duration) time.Time { return now.Add(by).Truncate(time.Microsecond) }
