package webhook_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/webhook"
)

// names resolve to what their first label says.
func names(_ context.Context, host string) ([]netip.Addr, error) {
	switch label, _, _ := strings.Cut(host, "."); label {
	case "public":
		return []netip.Addr{netip.MustParseAddr("192.0.66.1"), netip.MustParseAddr("2606:4700::1")}, nil
	case "private":
		return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
	case "mixed":
		return []netip.Addr{netip.MustParseAddr("192.0.66.1"), netip.MustParseAddr("fd00::1")}, nil
	default:
		return nil, errors.New("no such host")
	}
}

func TestDestinations(t *testing.T) {
	t.Parallel()
	const ok, invalid, refused = "", "URL_INVALID", "URL_NOT_ALLOWED"
	for url, want := range map[string]struct{ production, development fault.Code }{
		"https://public.example/hooks?a=b":                    {ok, ok},
		"HTTPS://Public.Example./hooks":                       {ok, ok},
		"https://public.example:443/":                         {ok, ok},
		"https://public.example:8443/":                        {ok, ok},
		"https://public.example:65535/":                       {ok, ok},
		"https://unknown.example/":                            {ok, ok}, // checked when it is dialled
		"https://192.0.66.1/":                                 {ok, ok},
		"https://[2606:4700::1]/":                             {ok, ok},
		"https://xn--bcher-kva.example/":                      {ok, ok},
		"":                                                    {invalid, invalid},
		"nonsense":                                            {invalid, invalid},
		"/hooks":                                              {invalid, invalid},
		"//public.example/":                                   {invalid, invalid},
		"https://":                                            {invalid, invalid},
		"https:///hooks":                                      {invalid, invalid},
		"https:public.example":                                {invalid, invalid},
		"ftp://public.example/":                               {invalid, invalid},
		"file:///etc/passwd":                                  {invalid, invalid},
		"javascript:alert(1)":                                 {invalid, invalid},
		"https://public.example/#part":                        {invalid, invalid},
		"https://public.example/#":                            {invalid, invalid},
		"https://public.example/a b":                          {invalid, invalid},
		"https://public.example/a\nHost: evil":                {invalid, invalid},
		`https://public.example\@evil.example`:                {invalid, invalid},
		"https://public.example:0/":                           {invalid, invalid},
		"https://public.example:65536/":                       {invalid, invalid},
		"https://public.example:http/":                        {invalid, invalid},
		"https://public.example/" + strings.Repeat("x", 2000): {invalid, invalid},
		"https://public.example/4242424242424242":             {invalid, invalid},
		"https://127.0.0.1../":                                {invalid, invalid},
		"https://localhost../":                                {invalid, invalid},
		"https://metadata.google.internal../":                 {invalid, invalid},
		"https://.public.example/":                            {invalid, invalid},
		"https://2130706433/":                                 {invalid, invalid},
		"https://127.1/":                                      {invalid, invalid},
		"https://0x7f.0.0.1/":                                 {invalid, invalid},
		"https://0x7f000001/":                                 {invalid, invalid},
		"https://0177.0.0.01/":                                {invalid, invalid},
		"https://public.example.0x7f/":                        {invalid, invalid},
		"http://public.example/":                              {refused, refused},
		"https://user@public.example/":                        {refused, refused},
		"https://user:password@public.example/":               {refused, refused},
		"https://public.example:22/":                          {refused, refused},
		"https://public.example:80/":                          {refused, refused},
		"https://public.example:1023/":                        {refused, refused},
		"https://private.example/":                            {refused, refused},
		"https://mixed.example/":                              {refused, refused},
		"https://intranet/":                                   {refused, refused},
		"https://metadata.google.internal/":                   {refused, refused},
		"https://printer.local/":                              {refused, refused},
		"https://router.home.arpa/":                           {refused, refused},
		"https://shop.localhost/":                             {refused, refused},
		"http://127.0.0.1:8080/":                              {refused, ok},
		"https://127.8.8.8/":                                  {refused, ok},
		"http://localhost:22/":                                {refused, ok},
		"http://LOCALHOST./":                                  {refused, ok},
		"http://[::1]:8080/":                                  {refused, ok},
		"http://[::ffff:127.0.0.1]/":                          {refused, ok},
		"https://10.0.0.1/":                                   {refused, refused},
		"https://172.31.255.255/":                             {refused, refused},
		"https://192.168.0.1/":                                {refused, refused},
		"https://100.64.0.1/":                                 {refused, refused},
		"https://100.100.100.200/":                            {refused, refused},
		"https://169.254.169.254/latest/meta-data":            {refused, refused},
		"https://168.63.129.16/":                              {refused, refused},
		"https://192.0.0.192/":                                {refused, refused},
		"https://0.0.0.0/":                                    {refused, refused},
		"https://198.18.0.1/":                                 {refused, refused},
		"https://224.0.0.1/":                                  {refused, refused},
		"https://255.255.255.255/":                            {refused, refused},
		"https://[::]/":                                       {refused, refused},
		"https://[::ffff:10.0.0.1]/":                          {refused, refused},
		"https://[::10.0.0.1]/":                               {refused, refused},
		"https://[64:ff9b::a00:1]/":                           {refused, refused},
		"https://[2002:a00:1::]/":                             {refused, refused},
		"https://[2001:0:a00:1::]/":                           {refused, refused},
		"https://[fd00:ec2::254]/":                            {refused, refused},
		"https://[fe80::1]/":                                  {refused, refused},
		"https://[fe80::1%25eth0]/":                           {refused, refused},
		"https://[ff02::1]/":                                  {refused, refused},
		"https://[2001:db8::1]/":                              {refused, refused},
	} {
		for loopback, code := range map[bool]fault.Code{false: want.production, true: want.development} {
			problem := webhook.Destinations{Loopback: loopback, Lookup: names}.Check(t.Context(), url, "input", "url")
			var got fault.Code
			if problem != nil {
				got = problem.Code
			}
			if got != code {
				t.Errorf("%.80s, development %v: %q (%v), want %q", url, loopback, got, problem, code)
			}
		}
	}
}
