// Package secret keeps texts out of logs.
package secret

import (
	"fmt"
	"log/slog"
	"strings"
)

// Text is a text that must not get into logs. Reveal gives it.
type Text string

// Reveal is the text itself, for the one place that needs it.
func (s Text) Reveal() string { return string(s) }

// String hides the text; it tells only whether there is one.
func (s Text) String() string {
	if s == "" {
		return ""
	}
	return "(secret)"
}

// GoString hides the text from %#v.
func (s Text) GoString() string { return fmt.Sprintf("%q", s.String()) }

// LogValue hides the text from slog.
func (s Text) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the text from encoding/json.
func (s Text) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// List returns the entries of a comma-separated text, without the blanks around them and without empty ones.
func (s Text) List() []string {
	var entries []string
	for entry := range strings.SplitSeq(string(s), ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			entries = append(entries, entry)
		}
	}
	return entries
}
