package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateCheck is the least time between two checks of the files: a handshake must not cost a disk access.
const certificateCheck = time.Second

// certificate is the certificate and key of TLS_CERT and TLS_KEY, which are read again when a file has changed.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	now               func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	stamp   string // of the files that were read last, whether they were any good or not
	checked time.Time
}

// loadCertificate fails when the files hold no certificate with its key. If they are later replaced by files that do not fit each
// other, the old certificate stays in use: a renewal writes one file after the other.
func loadCertificate(certFile, keyFile string, logger *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: logger, now: time.Now}
	c.stamp = c.stampOf()
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("TLS_CERT, TLS_KEY: %w", err)
	}
	c.current = &pair
	return c, nil
}

// config is Go's own choice of ciphers, from TLS 1.2 on.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if now.Sub(c.checked) < certificateCheck {
		return c.current, nil
	}
	c.checked = now
	stamp := c.stampOf()
	if stamp == c.stamp {
		return c.current, nil
	}
	c.stamp = stamp
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		c.log.Warn("loading the new TLS certificate failed; the old one stays in use", "error", err)
		return c.current, nil
	}
	c.current = &pair
	c.log.Info("loaded the new TLS certificate")
	return c.current, nil
}

// stampOf tells whether the files are others than before.
func (c *certificate) stampOf() string {
	stamp := ""
	for _, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			stamp += "? "
			continue
		}
		stamp += fmt.Sprint(info.ModTime().UnixNano(), " ", info.Size(), " ")
	}
	return stamp
}
