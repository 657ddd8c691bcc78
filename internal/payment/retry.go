package payment

import (
	"time"

	"github.com/orderwire/orderwire/internal/id"
)

const (
	// maxRefusals is after how many definite refusals, or calls with an answer that does not fit, staff are asked to look.
	maxRefusals = 8
	// keyMargin is the time between an operation's last call and the end of its key's life.
	keyMargin   = time.Hour
	backoffBase = 200 * time.Millisecond
	backoffMax  = 5 * time.Minute
	// unansweredPause is the longest pause between calls that get no answer.
	unansweredPause = time.Minute
	// lookUpPause lies between look-ups of an operation that is no longer called.
	lookUpPause = 5 * time.Minute
	// shortestAcceptedPause and longestAcceptedPause bound the pause between look-ups of an attempt that the provider decides later. It is a
	// quarter of the attempt's age.
	shortestAcceptedPause = 10 * time.Second
	longestAcceptedPause  = time.Hour
	// refusedPauseMax bounds the pause before a refused refund or void is tried again that must happen.
	refusedPauseMax = 6 * time.Hour
	// shortestDisputePause and longestDisputePause bound the pause between looks at a charge while a dispute is open.
	shortestDisputePause = 6 * time.Hour
	longestDisputePause  = 7 * 24 * time.Hour
	// shortestDisputeUpdate and longestDisputeUpdate bound the distance of changes of a dispute that are booked.
	shortestDisputeUpdate = time.Minute
	longestDisputeUpdate  = 24 * time.Hour
	// actionLookUpPause lies between look-ups while the customer has to act.
	actionLookUpPause = 2 * time.Minute
	// notCalledPause is the first pause of an attempt whose call could not be made, notSentPause the longest while the provider is out of
	// reach.
	notCalledPause = time.Second
	notSentPause   = time.Minute
	// notConfiguredGrace is the time after which staff are told of a provider that is not configured.
	notConfiguredGrace = time.Minute
	// recheckPause follows a look at a charge that failed.
	recheckPause = 30 * time.Second
)

// backoff is the pause before call n+1 (n ≥ 1): exponential from 200 ms to 5 minutes, with jitter.
func backoff[I id.UUID](n int, of I) time.Duration {
	pause := backoffMax
	if n < 12 {
		pause = min(backoffBase<<(n-1), backoffMax)
	}
	return lessJitter(pause, of)
}

// refusedPause is the pause after a refund or a void was refused for the nth time: exponential from 200 ms to six hours, with jitter.
func refusedPause[I id.UUID](n int, of I) time.Duration {
	pause := refusedPauseMax
	if n < 18 {
		pause = min(backoffBase<<(n-1), refusedPauseMax)
	}
	return lessJitter(pause, of)
}

// lessJitter takes up to 25% off a pause, so that many attempts that failed together do not repeat together. The jitter is derived
// from the id: the same input gives the same pause, which keeps changes pure.
func lessJitter[I id.UUID](pause time.Duration, of I) time.Duration {
	return pause - time.Duration(uint16(of[14])<<8|uint16(of[15]))*(pause/4)/65535
}
