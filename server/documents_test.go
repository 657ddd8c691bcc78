package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

func TestLimitsDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load(nil, providerSettings()...)
	if err != nil {
		t.Fatal(err)
	}
	if got := limits(cfg); got != guard.Defaults() {
		t.Errorf("the settings' defaults are %+v, the guard's %+v", got, guard.Defaults())
	}
}

// With TRUSTED_DOCUMENTS no other document runs, over any transport, and a request may name a document by its hash.
func TestTrustedDocuments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, path := filepath.Join(dir, "feed.graphql"), filepath.Join(dir, "manifest.json")
	const feed = "subscription Feed { orderFeed { cursor } }"
	if err := os.WriteFile(source, []byte(feed), 0o600); err != nil {
		t.Fatal(err)
	}
	var manifest, stderr bytes.Buffer
	if err := run(t.Context(), []string{"manifest", "../web/src", source}, nil, &manifest, &stderr); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, manifest.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var documents map[string]string
	if err := json.Unmarshal(manifest.Bytes(), &documents); err != nil {
		t.Fatal(err)
	}
	hash := ""
	for h, text := range documents {
		if strings.HasPrefix(text, "subscription Feed") {
			hash = h
		}
	}
	app := startApp(t, postgrestest.URL(t), "TRUSTED_DOCUMENTS="+path)
	token, _ := tokenFor(t, app.URL(), "ada", "CUSTOMER", 3600)
	ada := &user{client: &client{url: app.URL(), token: token}}

	const stranger, notFound = `{"query":"{ viewer { id } }"}`, "PERSISTED_QUERY_NOT_FOUND"
	for how, header := range map[string][]string{"POST": nil, "SSE": {"Accept", "text/event-stream"}} {
		if _, answer := ada.hostile(t, http.MethodPost, "", []byte(stranger), header...); !strings.Contains(string(answer), notFound) {
			t.Errorf("by %s: %s", how, answer)
		}
	}
	if _, answer := ada.hostile(t, http.MethodGet, "?query={viewer{id}}", nil); !strings.Contains(string(answer), notFound) {
		t.Errorf("by GET: %s", answer)
	}
	socket := dialWire(t, app.URL()).init(token)
	socket.send("1", "subscribe", map[string]any{"query": "{ viewer { id } }"})
	if m := socket.expect("error"); !strings.Contains(string(m.Payload), notFound) {
		t.Errorf("by websocket: %s", m.Payload)
	}
	for id, payload := range map[string]any{
		"text":      map[string]any{"query": "subscription Feed { orderFeed { __typename cursor } }"},
		"id":        map[string]any{"documentId": "sha256:" + hash},
		"extension": map[string]any{"extensions": map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": hash}}},
	} {
		socket.send(id, "subscribe", payload)
		if m := socket.expect("next"); m.ID != id {
			t.Errorf("%s: %+v", id, m)
		}
	}
}

func TestErrTrustedDocuments(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "manifest.json")
	if _, err := trustedDocuments(path); err == nil || !strings.Contains(err.Error(), "TRUSTED_DOCUMENTS") {
		t.Errorf("absent: %v", err)
	}
	if err := os.WriteFile(path, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := trustedDocuments(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("malformed: %v", err)
	}
	if err := writeManifest(&bytes.Buffer{}, nil); err == nil {
		t.Error("a manifest of nothing was written")
	}
}
