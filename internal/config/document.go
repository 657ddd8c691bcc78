package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Help writes what `server --help` says about the environment.
func Help(w io.Writer, sections ...Section) error {
	for i, s := range all(sections) {
		if err := heading(w, i, s.group); err != nil {
			return err
		}
		name := s.name
		if s.secret {
			name += " (or " + s.name + "_FILE)"
		}
		if _, err := fmt.Fprintf(w, "  %s  [%s]\n      %s\n", name, s.documentedDefault(), s.documentedHelp()); err != nil {
			return fmt.Errorf("write help: %w", err)
		}
	}
	return nil
}

func heading(w io.Writer, i int, group string) error {
	if group == "" {
		return nil
	}
	if i > 0 {
		group = "\n" + group
	}
	if _, err := fmt.Fprintln(w, group); err != nil {
		return fmt.Errorf("write help: %w", err)
	}
	return nil
}

// Markdown writes the same for docs/configuration.md: a heading and a table for each group.
func Markdown(w io.Writer, sections ...Section) error {
	var b strings.Builder
	for _, s := range all(sections) {
		if s.group != "" {
			fmt.Fprintf(&b, "\n### %s\n\n| variable | default | meaning |\n| --- | --- | --- |\n", s.group)
		}
		name, value := "`"+s.name+"`", s.documentedDefault()
		if s.secret {
			name += ", `" + s.name + "_FILE`"
		}
		if s.shown == "" {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, value, strings.ReplaceAll(s.documentedHelp(), "|", `\|`))
	}
	b.WriteString("\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

func (s setting) documentedDefault() string {
	if s.shown != "" {
		return s.shown
	}
	return s.defaultValue
}

func (s setting) documentedHelp() string {
	if s.typ == reflect.TypeFor[[]string]() && len(s.oneof) > 1 {
		return s.help + " Any of " + strings.Join(s.oneof, ", ") + ", separated by commas."
	}
	if len(s.oneof) > 1 {
		return s.help + " One of " + list(s.oneof) + "."
	}
	return s.help
}
