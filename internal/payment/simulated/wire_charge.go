package simulated

import (
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// wireSeen is a payment.SeenCharge.
type wireSeen struct {
	Captured   int64         `json:"captured"`
	Refunded   int64         `json:"refunded"`
	Capturable int64         `json:"capturable"`
	Refunds    []wireRefund  `json:"refunds"`
	Disputes   []wireDispute `json:"disputes"`
	More       bool          `json:"more,omitempty"`
}

type wireRefund struct {
	Reference   string               `json:"reference"`
	RefundID    *id.Refund           `json:"refundId,omitempty"` // absent: made outside
	AmountMinor int64                `json:"amountMinor"`
	Status      payment.RefundStatus `json:"status"`
	Code        string               `json:"code,omitempty"`
	CreatedAt   time.Time            `json:"createdAt"`
}

type wireDispute struct {
	Reference   string                `json:"reference"`
	AmountMinor int64                 `json:"amountMinor"`
	Status      payment.DisputeStatus `json:"status"`
	Reason      string                `json:"reason,omitempty"`
	RespondBy   *time.Time            `json:"respondBy,omitempty"`
	CreatedAt   time.Time             `json:"createdAt"`
}

func wireSeenOf(c *payment.SeenCharge) *wireSeen {
	w := &wireSeen{
		Captured: c.Captured, Refunded: c.Refunded, Capturable: c.Capturable, More: c.More,
		Refunds: []wireRefund{}, Disputes: []wireDispute{},
	}
	for i := range c.Refunds {
		r := &c.Refunds[i]
		of := wireRefund{Reference: r.Reference, AmountMinor: r.Minor, Status: r.Status, Code: r.Code, CreatedAt: r.CreatedAt}
		if !r.RefundID.IsNil() {
			of.RefundID = &r.RefundID
		}
		w.Refunds = append(w.Refunds, of)
	}
	for i := range c.Disputes {
		d := &c.Disputes[i]
		w.Disputes = append(w.Disputes, wireDispute{
			Reference: d.Reference, AmountMinor: d.Minor, Status: d.Status, Reason: d.Reason, RespondBy: d.RespondBy, CreatedAt: d.CreatedAt,
		})
	}
	return w
}

func (w *wireSeen) charge() *payment.SeenCharge {
	c := &payment.SeenCharge{Totals: payment.Totals{Captured: w.Captured, Refunded: w.Refunded}, Capturable: w.Capturable, More: w.More}
	for _, r := range w.Refunds {
		of := payment.SeenRefund{Reference: r.Reference, Minor: r.AmountMinor, Status: r.Status, Code: r.Code, CreatedAt: r.CreatedAt.UTC()}
		if r.RefundID != nil {
			of.RefundID = *r.RefundID
		}
		c.Refunds = append(c.Refunds, of)
	}
	for _, d := range w.Disputes {
		of := payment.SeenDispute{Reference: d.Reference, Minor: d.AmountMinor, Status: d.Status, Reason: d.Reason, CreatedAt: d.CreatedAt.UTC()}
		if d.RespondBy != nil {
			by := d.RespondBy.UTC()
			of.RespondBy = &by
		}
		c.Disputes = append(c.Disputes, of)
	}
	return c
}
