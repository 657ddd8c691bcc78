package fault

import "strconv"

// Quote shows a client's input in a message: quoted, without control characters, and cut after 40 bytes so that no
// megabyte of it gets into a response or a log.
func Quote(input string) string {
	const most = 40
	if len(input) <= most {
		return strconv.Quote(input)
	}
	return strconv.Quote(input[:most]) + "… (" + strconv.Itoa(len(input)) + " bytes)"
}
