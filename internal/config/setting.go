package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/httpguard"
	"github.com/orderwire/orderwire/internal/pgurl"
)

// setting is one field of Config, or of a Section, with its tags.
type setting struct {
	// section is nil for Config's own.
	section Section
	// group is the heading above the setting in the documentation; "": that of the setting before it.
	group                                             string
	field, name, defaultValue, shown, min, kind, help string
	oneof                                             []string
	secret                                            bool
	typ                                               reflect.Type
}

// all lists the settings in the order of the struct, with those of the sections at the place of Config.Sections.
func all(sections []Section) []setting {
	var settings []setting
	for _, s := range settingsOf(reflect.TypeFor[Config](), nil) {
		switch {
		case s.typ == reflect.TypeFor[[]Section]():
			for _, section := range sections {
				settings = append(settings, settingsOf(reflect.TypeOf(section).Elem(), section)...)
			}
		case s.name == "-":
		case slices.Equal(s.oneof, []string{"sections"}):
			s.oneof = sectionNames(sections)
			if len(sections) > 0 {
				s.defaultValue = s.oneof[0]
			}
			settings = append(settings, s)
		default:
			settings = append(settings, s)
		}
	}
	return settings
}

// settingsOf lists a struct's fields.
func settingsOf(of reflect.Type, section Section) []setting {
	var settings []setting
	for _, f := range reflect.VisibleFields(of) {
		name := f.Tag.Get("env")
		s := setting{
			section: section, group: f.Tag.Get("group"), field: f.Name, name: name, typ: f.Type, secret: f.Type == reflect.TypeFor[Secret](),
			defaultValue: f.Tag.Get("envDefault"), shown: f.Tag.Get("shown"),
			min: f.Tag.Get("min"), kind: f.Tag.Get("kind"), help: f.Tag.Get("help"),
		}
		if words := f.Tag.Get("oneof"); words != "" {
			s.oneof = strings.Split(words, ",")
		}
		settings = append(settings, s)
	}
	return settings
}

// Names lists every variable, in the order of the documentation; NAME_FILE variants are included.
func Names(sections ...Section) []string {
	var names []string
	for _, s := range all(sections) {
		names = append(names, s.name)
		if s.secret {
			names = append(names, s.name+"_FILE")
		}
	}
	return names
}

func byField(settings []setting, section Section, field string) setting {
	i := slices.IndexFunc(settings, func(s setting) bool { return s.section == section && s.field == field })
	return settings[i] // the parser names fields of the same struct
}

// named returns the beginning of a problem's text: the variable and its value, unless that is a secret.
func (s setting) named(value string) string {
	if s.secret || strings.Contains(value, pemBegin) {
		return s.name
	}
	return s.name + "=" + fault.Quote(withoutUser(value))
}

// pemBegin begins each block of a PEM file.
const pemBegin = "-----BEGIN"

var userInURL = regexp.MustCompile(`//[^/\s]*@`)

// withoutUser hides the user name and password of each URL in a value, so that a problem does not show them.
func withoutUser(value string) string { return userInURL.ReplaceAllLiteralString(value, "//***@") }

// check returns the problems of a value that has the right type.
func (s setting) check(v reflect.Value) []string {
	switch value := v.Interface().(type) {
	case time.Duration:
		if lowest, err := time.ParseDuration(s.min); err == nil && value < lowest {
			return []string{fmt.Sprintf("expected a duration of at least %s", s.min)}
		}
	case int, int64:
		if lowest, err := strconv.ParseInt(s.min, 10, 64); err == nil && v.Int() < lowest {
			return []string{fmt.Sprintf("expected a number of at least %s", s.min)}
		}
	case float64:
		if !(value >= 0 && value <= 1) { // so that NaN is refused
			return []string{"expected " + s.expected()}
		}
	case form:
		return value.Problems()
	case Secret:
		return s.checkText(value.Reveal())
	case string:
		return s.checkText(value)
	case []string:
		return s.checkList(value)
	}
	return nil
}

func (s setting) checkText(value string) []string {
	if value == "" {
		return nil
	}
	if len(s.oneof) > 0 && !slices.Contains(s.oneof, value) {
		return []string{"expected " + list(s.oneof)}
	}
	switch s.kind {
	case "optional address":
		if value == off {
			return nil
		}
		return checkAddress(value)
	case "address":
		return checkAddress(value)
	case "database":
		if _, err := pgurl.Parse(value); err != nil {
			return []string{err.Error()}
		}
	case "nats":
		for one := range strings.SplitSeq(value, ",") {
			u, err := url.Parse(strings.TrimSpace(one))
			if err != nil || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) || u.Host == "" {
				return []string{"expected nats://host:port, several separated by commas (the value is not shown, it may hold a password)"}
			}
		}
	case "issuer":
		if err := auth.CheckIssuer(value); err != nil {
			return []string{err.Error()}
		}
		return checkHostOf(value)
	case "file":
		if strings.Contains(value, pemBegin) {
			return []string{"expected the path of a file, not its content (the value is not shown)"}
		}
	case "url":
		u, err := url.Parse(value)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return []string{"expected a URL such as http://127.0.0.1:8081"}
		}
		return checkHostOf(value)
	default:
		if s.section != nil && s.kind != "" {
			return s.section.Kinds()[s.kind](value)
		}
	}
	return nil
}

// checkHostOf refuses a URL whose host is no name and no address. net/url takes characters such as ; * and quotes, which mean something
// else in the headers that the host gets into: with https://login.example;script-src* an issuer would add to the pages' policy.
func checkHostOf(value string) []string {
	u, err := url.Parse(value)
	if err == nil {
		_, err = httpguard.ParseHost(strings.TrimSuffix(u.Hostname(), "."))
	}
	if err != nil {
		return []string{err.Error()}
	}
	return nil
}

func (s setting) checkList(values []string) []string {
	var problems []string
	for _, value := range values {
		if hidden := withoutUser(value); hidden != value {
			problems = append(problems, fault.Quote(hidden)+" must not have a user name or password")
			continue
		}
		if len(s.oneof) > 0 && !slices.Contains(s.oneof, value) {
			expected := "expected " + list(s.oneof)
			if len(values) > 1 {
				expected = fault.Quote(value) + ": " + expected
			}
			problems = append(problems, expected)
		}
		var err error
		switch s.kind {
		case "origins":
			_, err = httpguard.ParseAllowedOrigin(value)
		case "headers":
			_, err = httpguard.ParseHeader(value)
		case "hosts":
			_, err = httpguard.ParseHost(value)
		case "networks":
			_, err = addresslimit.ParseNetwork(value)
		}
		if err != nil {
			problems = append(problems, err.Error())
		}
	}
	return problems
}

func checkAddress(value string) []string {
	host, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err == nil && host != "" {
		_, err = httpguard.ParseHost(host)
	}
	if err != nil {
		return []string{"expected host:port such as 127.0.0.1:8080, or :8080 for all addresses"}
	}
	return nil
}

// loopback tells whether only this machine reaches the address. A name other than localhost may point anywhere.
func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return true // reported as malformed already
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
