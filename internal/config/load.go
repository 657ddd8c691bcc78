package config

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/order"
)

// Error is all that is wrong with an environment.
type Error struct {
	// Problems has one sentence each, which begins with the variable's name.
	Problems []string
}

func (e *Error) Error() string {
	return "configuration:\n  " + strings.Join(e.Problems, "\n  ")
}

// Load reads the environment, a list of NAME=value such as os.Environ gives, into the configuration and its sections, which must be new.
// Variables it does not know are left alone.
// Its error is an *Error with every problem, never one at a time.
func Load(environ []string, sections ...Section) (Config, error) {
	vars := env.ToMap(environ)
	var problems []string
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }

	settings := all(sections)
	readSecretFiles(vars, settings, report)
	cfg := Config{}
	_, cfg.AdminAddrSet = vars["ADMIN_ADDR"]
	fillDerivedDefaults(vars, sections)

	broken := map[string]bool{}
	into := map[Section]reflect.Value{nil: reflect.ValueOf(&cfg)}
	for _, section := range sections {
		into[section] = reflect.ValueOf(section)
	}
	for section, target := range into {
		err := env.ParseWithOptions(target.Interface(), env.Options{Environment: vars, FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[bool](): parseSwitch,
		}})
		for _, e := range parseErrors(err) {
			var p env.ParseError
			if !errors.As(e, &p) {
				return Config{}, fmt.Errorf("configuration: %w", err) // a mistake in the struct, not in the environment
			}
			s := byField(settings, section, p.Name)
			broken[s.name] = true
			report("%s: expected %s", s.named(vars[s.name]), s.expected())
		}
	}
	cfg.Sections = sections
	for _, list := range []*[]string{&cfg.AllowedOrigins, &cfg.AllowedHosts, &cfg.TrustedProxies, &cfg.PaymentProviders} {
		*list = entries(*list)
	}
	for _, s := range settings {
		if broken[s.name] {
			continue // what cannot be read cannot be out of bounds
		}
		value := into[s.section].Elem().FieldByName(s.field)
		if list, ok := value.Addr().Interface().(*[]string); ok && s.section != nil {
			*list = entries(*list)
		}
		for _, problem := range s.check(value) {
			report("%s: %s", s.named(cmp.Or(vars[s.name], s.defaultValue)), problem)
		}
	}
	if cfg.AdminAddr == off {
		cfg.AdminAddr = ""
	}
	if !broken["DEV_AUTH_INSECURE"] && cfg.DevAuth() && !cfg.DevAuthInsecure && !loopback(cfg.Addr) {
		report("ADDR=%s: AUTH_MODE=dev lets anyone sign in as anyone, so it is served on this machine only, such as "+
			"127.0.0.1:8080; DEV_AUTH_INSECURE=true allows it elsewhere", fault.Quote(cfg.Addr))
	}
	if cfg.DevAuth() && auth.CheckIssuer(cfg.OIDCIssuer) == nil { // somebody has forgotten AUTH_MODE
		report("OIDC_ISSUER=%s: AUTH_MODE=dev lets anyone sign in as anyone and ignores the issuer; set AUTH_MODE=oidc", fault.Quote(cfg.OIDCIssuer))
	}
	if cfg.MaxPaymentsPerOrder > order.MaxPayments {
		report("MAX_PAYMENTS_PER_ORDER=%d: an order has at most %d payments", cfg.MaxPaymentsPerOrder, order.MaxPayments)
	}
	cfg.checkProviders(report)
	if (cfg.TLSCert == "") != (cfg.TLSKey == "") {
		report("TLS_CERT: it and TLS_KEY are needed together")
	}
	if cfg.AuthMode == "oidc" {
		if cfg.OIDCIssuer == "" {
			report("OIDC_ISSUER: AUTH_MODE=oidc needs the issuer whose tokens are accepted, such as https://login.example")
		}
		if cmp.Or(cfg.OIDCAudience, cfg.OIDCClientID) == "" {
			report("OIDC_AUDIENCE: AUTH_MODE=oidc needs what tokens have in aud, or OIDC_CLIENT_ID, or it would accept tokens meant for others")
		}
	}
	if len(problems) > 0 {
		slices.Sort(problems)
		return Config{}, &Error{Problems: slices.Compact(problems)}
	}
	return cfg, nil
}

// checkProviders reports problems of the list of payment providers, and of the providers in it.
func (c Config) checkProviders(report func(format string, args ...any)) {
	if len(c.PaymentProviders) == 0 && len(c.Sections) > 0 {
		report("PAYMENT_PROVIDER: expected %s", list(sectionNames(c.Sections)))
	}
	for i, name := range c.PaymentProviders {
		if slices.Contains(c.PaymentProviders[:i], name) {
			report("PAYMENT_PROVIDER=%s: %s stands in it twice", fault.Quote(strings.Join(c.PaymentProviders, ",")), name)
		}
	}
	for _, section := range c.Sections {
		if slices.Contains(c.PaymentProviders, section.Name()) {
			section.Check(c.DevAuth(), report)
		}
	}
}

// off replaces an empty ADMIN_ADDR, since the parser takes the default for an empty variable.
const off = "off"

func fillDerivedDefaults(vars map[string]string, sections []Section) {
	if value, set := vars["ADMIN_ADDR"]; set && value == "" {
		vars["ADMIN_ADDR"] = off
	}
	if vars["PAYMENT_PROVIDER"] == "" && len(sections) > 0 {
		vars["PAYMENT_PROVIDER"] = sections[0].Name()
	}
	dev := cmp.Or(vars["AUTH_MODE"], "dev") == "dev"
	if vars["INTROSPECTION"] == "" {
		vars["INTROSPECTION"] = strconv.FormatBool(dev)
	}
	if vars["WS_MAX_INIT_BYTES"] == "" {
		vars["WS_MAX_INIT_BYTES"] = map[bool]string{true: "1024", false: "8192"}[dev] // issuers write long tokens
	}
	for name, limit := range map[string]string{
		"RATE_PER_ADDRESS": "500", "RATE_PER_USER": "200", "RATE_COST_PER_USER": "400000", "RATE_ORDERS_PER_USER": "300",
		"ATTEMPTS_PER_CUSTOMER": "20", "ATTEMPTS_PER_ADDRESS": "50",
	} {
		if vars[name] == "" && !dev { // a developer who measures on their own machine is no attacker
			vars[name] = limit
		}
	}
}

func readSecretFiles(vars map[string]string, settings []setting, report func(string, ...any)) {
	for _, s := range settings {
		path := vars[s.name+"_FILE"]
		if !s.secret || path == "" {
			continue
		}
		if vars[s.name] != "" {
			report("%s_FILE: %s is set too, only one of them may be", s.name, s.name)
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			// Somebody may have put the secret itself here.
			if failed, ok := errors.AsType[*os.PathError](err); ok {
				err = failed.Err
			}
			report("%s_FILE: expected the path of a file: %v (the value is not shown, it may be the secret)", s.name, err)
			continue
		}
		value := strings.TrimRight(string(content), "\r\n")
		if value == "" {
			report("%s_FILE: the file is empty", s.name)
		}
		vars[s.name] = value
	}
}

// entries are those of a comma-separated list, without the blanks around them and without empty ones.
func entries(list []string) []string {
	var trimmed []string
	for _, entry := range list {
		if entry = strings.TrimSpace(entry); entry != "" {
			trimmed = append(trimmed, entry)
		}
	}
	return trimmed
}

// parseSwitch reads on and off beside what strconv.ParseBool reads.
func parseSwitch(s string) (any, error) {
	switch strings.ToLower(s) {
	case "on":
		return true, nil
	case "off":
		return false, nil
	default:
		return strconv.ParseBool(s)
	}
}

func parseErrors(err error) []error {
	var several env.AggregateError
	if errors.As(err, &several) {
		return several.Errors
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

// expected says in words what a variable's type reads.
func (s setting) expected() string {
	if len(s.oneof) > 0 {
		return list(s.oneof)
	}
	if own, ok := reflect.Zero(s.typ).Interface().(form); ok {
		return own.Expected()
	}
	switch s.typ {
	case reflect.TypeFor[bool]():
		return "true or false"
	case reflect.TypeFor[time.Duration]():
		return "a duration such as 300ms, 3s or 30m"
	case reflect.TypeFor[float64]():
		return "a number from 0 to 1"
	default:
		return "a whole number"
	}
}

func list(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
