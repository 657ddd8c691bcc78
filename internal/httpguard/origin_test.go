package httpguard_test

import (
	"testing"

	"github.com/orderwire/orderwire/internal/httpguard"
)

func TestParseOrigin(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"https://shop.example":      "https://shop.example",
		"HTTPS://Shop.Example:443":  "https://shop.example",
		"http://shop.example:80":    "http://shop.example",
		"http://shop.example:443":   "http://shop.example:443",
		"http://localhost:5173":     "http://localhost:5173",
		"http://[::1]:8080":         "http://[::1]:8080",
		"https://shop.example/":     "",
		"https://shop.example/path": "",
		"https://shop.example?x":    "",
		"https://shop.example?":     "",
		"https://shop.example#":     "",
		"https://u:p@shop.example":  "",
		"https://*.example":         "",
		"https://":                  "",
		"https://:443":              "",
		"shop.example":              "",
		"shop.example:443":          "",
		"ftp://shop.example":        "",
		"capacitor://localhost":     "capacitor://localhost",
		"ionic://localhost":         "ionic://localhost",
		"app://com.example.shop":    "app://com.example.shop",
		"tauri://localhost":         "tauri://localhost",
		"chrome-extension://abcdef": "chrome-extension://abcdef",
		"capacitor://":              "",
		"file:///index.html":        "",
		"file://host":               "",
		"data:text/html,x":          "",
		"javascript://x":            "",
		"wss://shop.example":        "",
		"https://.example":          "",
		"https://a..example":        "",
		"null":                      "",
		"*":                         "",
		"":                          "",
	} {
		if got, err := httpguard.ParseOrigin(s); got != want || (err == nil) != (want != "") {
			t.Errorf("ParseOrigin(%q) = %q, %v; want %q", s, got, err, want)
		}
	}
}

func TestParseAllowedOrigin(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"https://shop.example":                "https://shop.example",
		"https://*.shop.example":              "https://*.shop.example",
		"HTTPS://*.Shop.Example:443":          "https://*.shop.example",
		"http://*.shop.example:8080":          "http://*.shop.example:8080",
		"https://*":                           "",
		"https://*.":                          "",
		"https://*.example":                   "", // a whole top-level domain
		"https://*.*.example":                 "",
		"https://a.*.example":                 "",
		"https://pr-*.shop.example":           "",
		"https://*shop.example":               "",
		"https://*.2.3.4":                     "",
		"https://*.shop.example/x":            "",
		"*://*.shop.example":                  "",
		"*.shop.example":                      "",
		"https://*.shop.example@evil.example": "",
	} {
		if got, err := httpguard.ParseAllowedOrigin(s); got != want || (err == nil) != (want != "") {
			t.Errorf("ParseAllowedOrigin(%q) = %q, %v; want %q", s, got, err, want)
		}
	}
}

func TestParseHost(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"shop.example":         "shop.example",
		"Shop.Example":         "shop.example",
		"server":               "server",
		"my_host-1.example":    "my_host-1.example",
		"10.1.2.3":             "10.1.2.3",
		"::1":                  "::1",
		"[2001:DB8::1]":        "2001:db8::1",
		"shop.example:443":     "",
		"https://shop.example": "",
		"*.example":            "",
		"-shop.example":        "",
		"shop..example":        "",
		"shop example":         "",
		"":                     "",
	} {
		if got, err := httpguard.ParseHost(s); got != want || (err == nil) != (want != "") {
			t.Errorf("ParseHost(%q) = %q, %v; want %q", s, got, err, want)
		}
	}
}

func TestNewErr(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]httpguard.Config{
		"address": {Addr: "nowhere"},
		"host":    {Addr: ":8080", AllowedHosts: []string{"a:1"}},
		"origin":  {Addr: ":8080", AllowedOrigins: []string{"*"}},
		"header":  {Addr: ":8080", AllowedHeaders: []string{"*"}},
	} {
		if _, err := httpguard.New(cfg); err == nil {
			t.Errorf("a bad %s is accepted", name)
		}
	}
}
