package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// writeCertificate makes a certificate for 127.0.0.1 with a serial number, and writes it with its key.
func writeCertificate(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"shop.example"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The certificate is exchanged without a restart, and one that is no good is not used.
func TestCertificateReload(t *testing.T) {
	t.Parallel()
	certFile, keyFile := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	if _, err := loadCertificate(certFile, keyFile, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("files that do not exist are a certificate")
	}
	writeCertificate(t, certFile, keyFile, 1)
	c, err := loadCertificate(certFile, keyFile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c.now = func() time.Time { return now }
	serial := func() int64 {
		t.Helper()
		certificate, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return certificate.Leaf.SerialNumber.Int64()
	}
	// Files of the same size may be written within one tick of the file system's clock.
	touch := func(at time.Duration) {
		t.Helper()
		for _, name := range []string{certFile, keyFile} {
			if err := os.Chtimes(name, time.Time{}, now.Add(at)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := serial(); got != 1 {
		t.Errorf("serves number %d, want 1", got)
	}
	writeCertificate(t, certFile, keyFile, 2)
	touch(time.Second)
	if got := serial(); got != 1 {
		t.Errorf("looked at the files again at once: number %d", got)
	}
	now = now.Add(certificateCheck)
	if got := serial(); got != 2 {
		t.Errorf("serves number %d, want 2", got)
	}
	writeCertificate(t, certFile, filepath.Join(t.TempDir(), "other.pem"), 3) // half renewed: the key is the old one
	touch(2 * time.Second)
	now = now.Add(certificateCheck)
	if got := serial(); got != 2 {
		t.Errorf("serves number %d, whose key does not fit", got)
	}
	writeCertificate(t, certFile, keyFile, 4)
	touch(3 * time.Second)
	now = now.Add(certificateCheck)
	if got := serial(); got != 4 {
		t.Errorf("serves number %d, want 4", got)
	}
}

// Everything works over TLS: pages, the API, websockets, the health check.
func TestTLS(t *testing.T) {
	t.Parallel()
	certFile, keyFile := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	writeCertificate(t, certFile, keyFile, 1)
	app := startApp(t, postgrestest.URL(t), "TLS_CERT="+certFile, "TLS_KEY="+keyFile)
	if !strings.HasPrefix(app.URL(), "https://") {
		t.Fatalf("serves at %s", app.URL())
	}
	trust := func() *tls.Config { return &tls.Config{InsecureSkipVerify: true} } // its certificate is nobody's
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust(), ForceAttemptHTTP2: true}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, app.URL()+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != 200 || response.Header.Get("Strict-Transport-Security") == "" || response.TLS.Version < tls.VersionTLS12 {
		t.Errorf("%d over %s %x, %v", response.StatusCode, response.Proto, response.TLS.Version, response.Header)
	}
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, TLSClientConfig: trust(), HandshakeTimeout: eventually.Patience}
	conn, upgraded, err := dialer.DialContext(t.Context(), strings.Replace(app.URL(), "https", "wss", 1)+"/graphql", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = upgraded.Body.Close()
	defer func() { _ = conn.Close() }()
	(&wire{t: t, Conn: conn}).send("", "connection_init", map[string]string{})
	(&wire{t: t, Conn: conn}).expect("connection_ack")

	cfg := config.Config{Addr: app.address.Addr().String(), TLSCert: certFile}
	deadline := time.Now().Add(eventually.Patience)
	for err := healthcheck(t.Context(), cfg); err != nil; err = healthcheck(t.Context(), cfg) { // its listener may not be connected yet
		if time.Now().After(deadline) {
			t.Fatalf("health check: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // a pause between attempts
	}
	old := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}}}
	if response, err := old.Do(request); err == nil {
		_ = response.Body.Close()
		t.Error("TLS 1.1 is spoken")
	}
}
