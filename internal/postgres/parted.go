package postgres

import (
	"regexp"
	"strings"
)

// parted is a statement with parts that can be left out. A part begins behind a line that has its name as a comment, and ends
// at the next one; what is before the first, and what is called "always", is never left out.
type parted []part

type part struct{ name, text string }

// partName is a part's first line.
var partName = regexp.MustCompile(`(?m)^/\* (\w+) \*/\n`)

func newParted(sql string) parted {
	var parts parted
	name, from := "always", 0
	for _, at := range partName.FindAllStringSubmatchIndex(sql, -1) {
		parts = append(parts, part{name, sql[from:at[0]]})
		name, from = sql[at[2]:at[3]], at[1]
	}
	return append(parts, part{name, sql[from:]})
}

// text is the statement with these parts.
func (p parted) text(wanted map[string]bool) string {
	var b strings.Builder
	for _, part := range p {
		if part.name == "always" || wanted[part.name] {
			b.WriteString(part.text)
		}
	}
	return b.String()
}
