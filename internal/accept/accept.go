// Package accept chooses the media type of an answer by the request's Accept header (RFC 9110, section 12.5.1).
package accept

import (
	"mime"
	"strconv"
	"strings"
)

// Best returns the offered media type that a client prefers, or "" if it accepts none. Offers have no parameters and are
// served in UTF-8. The weight of an offer is that of the most specific range that matches it; 0 excludes it. Between equal
// weights a named type precedes a wildcard, then the one listed first wins, then the one offered first. So clients without
// an Accept header get the first offer.
//
// Invalid ranges are skipped, because stock clients send some, for example Java's "*; q=.2".
func Best(header []string, offers ...string) string {
	ranges, sent := parse(header)
	if !sent {
		return offers[0]
	}
	best, chosen := mediaRange{}, ""
	for _, offer := range offers {
		if r := mostSpecific(ranges, offer); r.weight > 0 && (chosen == "" || r.before(best)) {
			best, chosen = r, offer
		}
	}
	return chosen
}

type mediaRange struct {
	name   string
	weight float64
	// precision is 3 for a type with parameters, 2 for one without, 1 for type/* and 0 for */*.
	precision, position int
}

// before reports whether the client prefers the matches of r to those of other.
func (r mediaRange) before(other mediaRange) bool {
	if r.weight != other.weight {
		return r.weight > other.weight
	}
	if named, otherNamed := min(r.precision, 2), min(other.precision, 2); named != otherNamed {
		return named > otherNamed
	}
	return r.position < other.position
}

func mostSpecific(ranges []mediaRange, offer string) mediaRange {
	best := mediaRange{precision: -1}
	kind, _, _ := strings.Cut(offer, "/")
	for _, r := range ranges {
		if (r.name == offer || r.name == kind+"/*" || r.name == "*/*") && r.precision > best.precision {
			best = r
		}
	}
	return best
}

// parse parses a range. sent is false for one of blanks only.
func parse(header []string) (ranges []mediaRange, sent bool) {
	for position, element := range elements(strings.Join(header, ",")) {
		element = strings.TrimSpace(element)
		sent = sent || element != ""
		name, parameters, err := mime.ParseMediaType(element)
		r := mediaRange{name: name, weight: 1, precision: 2, position: position}
		if text, given := parameters["q"]; given && err == nil {
			if r.weight, err = strconv.ParseFloat(text, 64); err == nil && !(r.weight >= 0 && r.weight <= 1) {
				continue
			}
			delete(parameters, "q")
		}
		if err != nil || !served(parameters) {
			continue
		}
		switch {
		case len(parameters) > 0:
			r.precision = 3
		case name == "*/*":
			r.precision = 0
		case strings.HasSuffix(name, "/*"):
			r.precision = 1
		}
		ranges = append(ranges, r)
	}
	return ranges, sent
}

// served reports whether the offers have these parameters.
func served(parameters map[string]string) bool {
	for name, value := range parameters {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return false
		}
	}
	return true
}

// elements splits a list at the commas outside quotes.
func elements(list string) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(list); i++ {
		switch {
		case quoted && list[i] == '\\':
			i++
		case list[i] == '"':
			quoted = !quoted
		case list[i] == ',' && !quoted:
			parts = append(parts, list[start:i])
			start = i + 1
		}
	}
	return append(parts, list[start:])
}
