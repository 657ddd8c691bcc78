// Package eventually bounds the waits of tests.
package eventually

import "time"

// Patience bounds the wait for something that must happen. It is so long that only a hanging test reaches it, even on a busy
// machine. No test has a deadline of its own, because one that is long enough on this machine is too short beside four others. A
// test of this package looks for them.
const Patience = 10 * time.Minute
