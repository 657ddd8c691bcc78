package main

import (
	"io/fs"
	"net/http"
	"strings"

	"github.com/orderwire/orderwire/internal/accept"
	"github.com/orderwire/orderwire/internal/httpguard"
)

// pages serves the web app: its files, and its one HTML page at each of its routes, so that deep links work.
type pages struct {
	files    fs.FS
	settings shopSettings
	serve    http.Handler
	missing  http.HandlerFunc
}

func newPages(files fs.FS, settings shopSettings) *pages {
	p := &pages{files: files, settings: settings, serve: http.FileServerFS(files)}
	p.missing = p.page(http.StatusNotFound, "index.html", httpguard.ContentSecurityPolicy)
	return p
}

// routes registers the app's pages, its files and, when it is on, the playground.
func (p *pages) routes(mux *http.ServeMux, playground bool) {
	for _, route := range []string{"/{$}", "/order", "/order/create", "/order/{orderID}", "/payment", "/board"} {
		mux.HandleFunc("GET "+route, p.page(http.StatusOK, "index.html", httpguard.ContentSecurityPolicy))
	}
	if playground {
		mux.HandleFunc("GET /playground", p.page(http.StatusOK, "playground.html", httpguard.PlaygroundContentSecurityPolicy))
	}
	mux.HandleFunc("/", p.file)
}

// page serves one of the two HTML pages with this status. They name the hashed files, so they are checked for a newer one each time.
func (p *pages) page(status int, name, policy string) http.HandlerFunc {
	policy = p.settings.policy(policy)
	return func(w http.ResponseWriter, _ *http.Request) {
		content, err := fs.ReadFile(p.files, name)
		if err == nil {
			content, err = p.settings.into(content)
		}
		if err != nil {
			http.Error(w, "The web app is not built: run `make run`, or `npm ci && npm run build` in web/.", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write(content) // the client is gone if it fails
	}
}

// file serves a file of the app. Those under /assets have a hash of their content in their name and never change.
func (p *pages) file(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.NotFound(w, r)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	info, err := fs.Stat(p.files, name)
	if err != nil || info.IsDir() || strings.HasSuffix(name, ".html") || strings.HasPrefix(name, ".") {
		// A browser with a mistyped address gets the shop's not-found page; other clients get a line of text.
		if accept.Best(r.Header.Values("Accept"), "text/plain", "text/html") == "text/html" {
			p.missing(w, r)
		} else {
			http.NotFound(w, r)
		}
		return
	}
	if strings.HasPrefix(name, "assets/") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	p.serve.ServeHTTP(w, r)
}
