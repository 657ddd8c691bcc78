package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Secret is a key that requests to an endpoint are signed with. It is shown once and must not get into logs.
type Secret []byte

// secretBytes is within the 24 to 64 that Standard Webhooks asks for.
const secretBytes = 32

func newSecret() Secret {
	secret := make(Secret, secretBytes)
	_, _ = rand.Read(secret) // crypto/rand never returns an error: it ends the process instead
	return secret
}

// Reveal is the secret in the form that receivers' libraries take: whsec_ and base64 (Standard Webhooks, "Signature scheme").
func (s Secret) Reveal() string { return "whsec_" + base64.StdEncoding.EncodeToString(s) }

// String hides the secret.
func (s Secret) String() string { return "(secret)" }

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// message has the parts of a request.
type message struct {
	url     string
	secrets []Secret
	id      string
	body    []byte
}

func (c *Claimed) message() message {
	return message{url: c.URL, secrets: c.Secrets, id: c.EventID.TypeID(), body: c.Body}
}

// sign sets the three headers of Standard Webhooks: the message's id, when this attempt is made in whole seconds, and for
// each secret a signature "v1," and base64 of HMAC-SHA256 over id.timestamp.body, separated by spaces.
func sign(header http.Header, m message, now time.Time) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	signatures := make([]string, len(m.secrets))
	for i, secret := range m.secrets {
		mac := hmac.New(sha256.New, secret)
		_, _ = mac.Write([]byte(m.id + "." + timestamp + ".")) // a hash never returns an error
		_, _ = mac.Write(m.body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	header.Set("Webhook-Id", m.id)
	header.Set("Webhook-Timestamp", timestamp)
	header.Set("Webhook-Signature", strings.Join(signatures, " "))
}
