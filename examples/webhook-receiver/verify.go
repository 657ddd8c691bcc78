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

// tolerance is how far a timestamp may be off: an old request that somebody has recorded is refused.
const tolerance = 5 * time.Minute

var errRefused = errors.New("the signature or the timestamp is not right")

// keyOf decodes a secret: whsec_ and base64.
func keyOf(secret string) ([]byte, error) {
	text, found := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !found || len(key) < 24 {
		return nil, errors.New("expected whsec_ and base64, as the endpoint's creation gave it")
	}
	return key, nil
}

// verify checks that a request comes from who has the key, is whole, and was made now.
func verify(key []byte, header http.Header, body []byte, now time.Time) error {
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return errRefused
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	// As texts: several texts of base64 can stand for the same bytes, and a signature has one.
	want := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	for signature := range strings.FieldsSeq(header.Get("webhook-signature")) {
		if hmac.Equal([]byte(signature), want) { // in constant time
			return nil
		}
	}
	return errRefused
}
