package simulated

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"

	"github.com/orderwire/orderwire/internal/payment"
)

// withAction gives the action of a result the address of its page, where Options.PublicURL says that there is one.
func (p *Provider) withAction(r payment.Result) payment.Result {
	if r.Action != nil && p.opts.PublicURL != "" {
		if address, err := url.JoinPath(p.opts.PublicURL, "actions", r.Reference, p.actionToken(r.Reference)); err == nil {
			r.Action.URL = address
		}
	}
	return r
}

// actionToken is the part of a page's address that nobody guesses. It follows from the charge, so every answer that
// names the action gives the same address.
func (p *Provider) actionToken(reference string) string {
	mac := hmac.New(sha256.New, p.actionKey)
	mac.Write([]byte(reference))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
