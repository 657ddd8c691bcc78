package session

import "time"

// The parts of the contract's bound.
const (
	DefaultPollInterval time.Duration = defaultPollInterval
	CloseDelay          time.Duration = closeDelay
)
