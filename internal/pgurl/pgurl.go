// Package pgurl reads a postgres:// URL, with several hosts if need be, or libpq's key=value form.
package pgurl

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Target is which of the servers a connection may go to: libpq's target_session_attrs.
type Target string

// The targets. Those of libpq's that only read are refused.
const (
	Any       Target = "any"
	ReadWrite Target = "read-write"
	Primary   Target = "primary"
)

// Source is DATABASE_URL taken apart. Hosts, credentials and TLS are lib/pq's to interpret; settings are ours to SET, because a
// pooler refuses most of them when a connection starts.
type Source struct {
	// Options are libpq's connection parameters, without target_session_attrs.
	Options map[string]string
	// Settings are run-time parameters of PostgreSQL, which lib/pq allows beside them.
	Settings map[string]string
	Target   Target
}

// connectionOptions are the parameters that lib/pq takes itself. What else stands in DATABASE_URL is a setting.
var connectionOptions = []string{
	"host", "hostaddr", "port", "dbname", "user", "password", "passfile", "options", "fallback_application_name",
	"sslmode", "sslnegotiation", "sslcert", "sslkey", "sslrootcert", "sslsni", "sslinline", "krbsrvname", "krbspn",
	"connect_timeout", "client_encoding", "target_session_attrs", "load_balance_hosts",
}

// unsupportedOptions are libpq's and not lib/pq's, which would send them to the server as settings.
var unsupportedOptions = []string{
	"service", "servicefile", "require_auth", "channel_binding", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
	"tcp_user_timeout", "replication", "gssencmode", "gsslib", "gssdelegation", "sslcompression", "sslcertmode", "sslcrl", "sslcrldir",
	"requirepeer", "ssl_min_protocol_version", "ssl_max_protocol_version", "min_protocol_version", "max_protocol_version", "sslpassword",
}

// Parse takes the text apart. Its errors never show the text, which may hold a password.
func Parse(text string) (Source, error) {
	options := map[string]string{}
	var err error
	if rest, ok := cutScheme(text); ok {
		err = parseURL(rest, options)
	} else {
		err = parsePairs(text, options)
	}
	if err != nil {
		return Source{}, err
	}
	s := Source{Options: options, Settings: map[string]string{}, Target: ReadWrite}
	for name, value := range options {
		if slices.Contains(unsupportedOptions, name) {
			return Source{}, fmt.Errorf("%s is not supported; leave it out", name)
		}
		if !slices.Contains(connectionOptions, name) {
			s.Settings[strings.ToLower(name)] = value
			delete(options, name)
		}
	}
	if text, ok := options["target_session_attrs"]; ok {
		s.Target = Target(text)
		if !slices.Contains([]Target{Any, ReadWrite, Primary}, s.Target) {
			return Source{}, fmt.Errorf("target_session_attrs=%s is not supported, because Orderwire writes; use read-write (the default), primary or any", text)
		}
		delete(options, "target_session_attrs")
	}
	return s, nil
}

func cutScheme(text string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(text, "postgres://"); ok {
		return rest, true
	}
	return strings.CutPrefix(text, "postgresql://")
}

var errNotURL = errors.New("expected postgres://user:password@host:port/database, with / ? # and % of the password percent-encoded (the value is not shown, it may hold a password)")

// parseURL reads what follows the scheme. net/url does not know several hosts with a port each, nor a socket's folder as host.
func parseURL(rest string, into map[string]string) error {
	rest, query, _ := strings.Cut(rest, "?")
	authority, database, _ := strings.Cut(rest, "/")
	if strings.Contains(database, "@") {
		return errNotURL // the part that was cut off ends a password with a slash
	}
	hosts := authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, password, _ := strings.Cut(authority[:i], ":")
		hosts = authority[i+1:]
		if err := unescape(into, "user", user); err != nil {
			return err
		}
		if err := unescape(into, "password", password); err != nil {
			return err
		}
	}
	if err := parseHosts(hosts, into); err != nil {
		return err
	}
	if err := unescape(into, "dbname", database); err != nil {
		return err
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return errNotURL // the error would show the value
	}
	for name := range values {
		if value := values.Get(name); value != "" {
			into[name] = value
		}
	}
	return nil
}

// parseHosts reads host:port,host:port. A host may be an IPv6 address in brackets, or a folder with its slashes escaped.
func parseHosts(text string, into map[string]string) error {
	if text == "" {
		return nil
	}
	var hosts, ports []string
	given := false
	for item := range strings.SplitSeq(text, ",") {
		host, port := item, ""
		if i := strings.LastIndexByte(item, ':'); i >= 0 && i > strings.LastIndexByte(item, ']') {
			host, port = item[:i], item[i+1:]
		}
		if strings.Trim(port, "0123456789") != "" {
			return errNotURL // it may be the beginning of a password
		}
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		host, err := url.PathUnescape(host)
		if err != nil {
			return errNotURL
		}
		hosts, ports = append(hosts, host), append(ports, port)
		given = given || port != ""
	}
	into["host"] = strings.Join(hosts, ",")
	if given {
		for i := range ports {
			if ports[i] == "" {
				ports[i] = "5432"
			}
		}
		into["port"] = strings.Join(ports, ",")
	}
	return nil
}

func unescape(into map[string]string, name, text string) error {
	value, err := url.PathUnescape(text)
	if err != nil {
		return errNotURL
	}
	if value != "" {
		into[name] = value
	}
	return nil
}

// parsePairs reads libpq's form: key=value key='a value' with \ before ' and \.
func parsePairs(text string, into map[string]string) error {
	rest := strings.TrimSpace(text)
	if rest == "" {
		return errNotURL
	}
	for rest != "" {
		name, after, ok := strings.Cut(rest, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" || strings.ContainsAny(name, " \t\n:/@") {
			return errNotURL
		}
		value, left, err := pairValue(strings.TrimLeft(after, " \t\n"))
		if err != nil {
			return err
		}
		into[name], rest = value, strings.TrimLeft(left, " \t\n")
	}
	return nil
}

// pairValue reads one value and returns what follows it.
func pairValue(text string) (value, rest string, err error) {
	quoted := strings.HasPrefix(text, "'")
	if quoted {
		text = text[1:]
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case quoted && c == '\'':
			return b.String(), text[i+1:], nil
		case !quoted && strings.IndexByte(" \t\n", c) >= 0:
			return b.String(), text[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	if quoted {
		return "", "", errors.New("a quoted value has no end (the value is not shown, it may hold a password)")
	}
	return b.String(), "", nil
}

// DSN is the source without settings and target, in the form that lib/pq reads without loss.
func (s Source) DSN() string { return pairs(s.Options) }

// String is the source as a text that Parse reads back. It may hold a password.
func (s Source) String() string {
	all := maps.Clone(s.Options)
	maps.Copy(all, s.Settings)
	all["target_session_attrs"] = string(s.Target)
	return pairs(all)
}

func pairs(values map[string]string) string {
	escape := strings.NewReplacer(`'`, `\'`, `\`, `\\`)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		list = append(list, name+"='"+escape.Replace(values[name])+"'")
	}
	return strings.Join(list, " ")
}
