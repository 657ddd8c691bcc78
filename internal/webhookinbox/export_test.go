package webhookinbox

// MaxClaims is when retries end.
const MaxClaims = maxClaims

// UnknownClaims is when the wait for an unknown reference ends.
const UnknownClaims = unknownClaims

// Step claims one batch and works on it, so that tests need no clock.
var Step = (*Processor).step
