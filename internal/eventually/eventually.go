// Package eventually says how long tests wait for what must happen.
package eventually

import "time"

// Patience bounds a wait for what must happen, on however busy a machine: it is reached by what never comes, and by nothing else. No test
// has a deadline of its own, because one that is long enough on this machine is too short beside four others. A test of this package
// looks for them.
const Patience = 10 * time.Minute
