package webhookinbox

// MaxClaims is the number of claims after which retries end.
const MaxClaims = maxClaims

// UnknownClaims is the number of claims after which the wait for an unknown reference ends.
const UnknownClaims = unknownClaims

// Step claims one batch and works on it, so that tests need no clock.
var Step = (*Processor).step
