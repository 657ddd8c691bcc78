package main

import "os"

// heapFloor is about how large the heap gets, in bytes, before it is collected.
const heapFloor = 128 << 20

// newBallast is memory that is never touched, so that it is only a number to the collector; nil when the operator has set
// Go's own GOGC or GOMEMLIMIT. The collector works when the heap has doubled. That is many times a second for the few
// megabytes that are live when no subscriptions are open. A percentage (GOGC) that makes up for it would let the large heap
// of many subscriptions grow as many times; the ballast adds the same to each.
func newBallast() []byte {
	if ownMemoryLimits() {
		return nil
	}
	return make([]byte, heapFloor/2)
}

// ownMemoryLimits: the operator has told the collector when to work.
func ownMemoryLimits() bool { return os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" }
