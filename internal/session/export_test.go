package session

import "time"

// What the bound of the contract is made of.
const (
	DefaultPollInterval time.Duration = defaultPollInterval
	CloseDelay          time.Duration = closeDelay
)
