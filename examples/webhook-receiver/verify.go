package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// tolerance bounds the difference of a timestamp from our clock, so that recorded requests cannot be replayed later.
const tolerance = 5 * time.Minute

var errRefused = errors.New("the signature or the timestamp is invalid")

// keyOf decodes a secret: whsec_ and base64.
func keyOf(secret string) ([]byte, error) {
	text, found := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !found || len(key) < 24 {
		return nil, errors.New("expected whsec_ and base64, as returned when the endpoint was created")
	}
	return key, nil
}

// verify checks that the owner of the key has signed the request, that it is complete, and that it is recent.
func verify(key []byte, header http.Header, body []byte, now time.Time) error {
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return errRefused
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	// Compared as text, because different base64 texts can decode to the same bytes.
	want := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	for signature := range strings.FieldsSeq(header.Get("webhook-signature")) {
		if hmac.Equal([]byte(signature), want) { // in constant time
			return nil
		}
	}
	return errRefused
}
