package simulated

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// wireOutside is an Outside.
type wireOutside struct {
	// PaymentID is a TypeID, as GraphQL has it, or its UUID.
	PaymentID   string `json:"paymentId"`
	Act         Act    `json:"act"`
	AmountMinor int64  `json:"amountMinor,omitempty"`
	Of          string `json:"of,omitempty"`
}

// outsider is a provider, here or elsewhere, at which others can act.
type outsider interface {
	Outside(ctx context.Context, o Outside) (*payment.SeenCharge, error)
}

// serveOutside is the provider's dashboard without its looks: one act for each request. It has no authentication.
func serveOutside(at outsider) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		var body wireOutside
		if err := readBody(w, r, &body); err != nil {
			writeError(w, err)
			return
		}
		paymentID, err := parsePayment(body.PaymentID)
		if err != nil {
			writeError(w, err)
			return
		}
		// What was asked for is done even if the client leaves.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), operationTimeout)
		defer cancel()
		seen, err := at.Outside(ctx, Outside{PaymentID: paymentID, Act: body.Act, Minor: body.AmountMinor, Of: body.Of})
		if err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, http.StatusOK, wireSeenOf(seen))
	}
}

func parsePayment(text string) (id.Payment, error) {
	if paymentID, err := id.Parse[id.Payment](text); err == nil {
		return paymentID, nil
	}
	paymentID, err := uuid.Parse(text)
	if err != nil {
		return id.Payment{}, invalid(CodeRequestInvalid, "paymentId has to be the id of a payment")
	}
	return id.Payment(paymentID), nil
}

// Outside is Provider.Outside.
func (c *Client) Outside(ctx context.Context, o Outside) (*payment.SeenCharge, error) {
	var seen wireSeen
	body := wireOutside{PaymentID: o.PaymentID.TypeID(), Act: o.Act, AmountMinor: o.Minor, Of: o.Of}
	if err := c.exchange(ctx, "outside", id.Attempt{}, body, &seen); err != nil {
		return nil, err
	}
	return seen.charge(), nil
}
