package payment

import (
	"slices"
	"time"

	"github.com/orderwire/orderwire/internal/freetext"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
)

// MaxDisputes of one payment that are booked. The provider can have more: attention MISMATCH then says that the books differ.
const MaxDisputes = 20

// Dispute is a customer's or a bank's objection to a charge, or a warning of one, as the provider's books have it. It is part of the
// payment's row and of each event's state.
type Dispute struct {
	ID        id.Dispute    `json:"id"`
	OrderID   id.Order      `json:"orderId"`
	PaymentID id.Payment    `json:"paymentId"`
	Amount    money.Amount  `json:"amount"`
	Status    DisputeStatus `json:"status"`
	// Reason is the provider's word, such as fraudulent; "" if it gives none.
	Reason string `json:"reason,omitempty"`
	// Reference is the provider's id of the dispute.
	Reference string `json:"reference"`
	// RespondBy is the time until which the provider takes evidence.
	RespondBy *time.Time `json:"respondBy,omitempty"`
	// Acknowledged: staff have ended the attention for it. A change of the dispute asks for them again.
	Acknowledged bool      `json:"acknowledged,omitempty"`
	CreatedAt    time.Time `json:"createdAt"`
	UpdatedAt    time.Time `json:"updatedAt"`
}

// IsNode marks the dispute as a GraphQL Node.
func (Dispute) IsNode() {}

// Open reports whether the dispute is not decided.
func (d *Dispute) Open() bool { return d.Status != DisputeWon && d.Status != DisputeLost }

// DisputesIn is the amount of the payment's disputes in a status, in minor units.
func (p *Payment) DisputesIn(status DisputeStatus) (minor int64) {
	for i := range p.Disputes {
		if p.Disputes[i].Status == status {
			minor += p.Disputes[i].Amount.Minor
		}
	}
	return minor
}

// Disputed is the amount that disputes have withdrawn, in minor units: those that are lost, and open ones without the warnings.
func (p *Payment) Disputed() int64 {
	return p.DisputesIn(DisputeNeedsResponse) + p.DisputesIn(DisputeUnderReview) + p.DisputesIn(DisputeLost)
}

// HasOpenDispute reports whether a dispute or a warning is not decided.
func (p *Payment) HasOpenDispute() bool {
	return slices.ContainsFunc(p.Disputes, func(d Dispute) bool { return d.Open() })
}

// isAs reports whether a dispute is booked as it is seen.
func (d *Dispute) isAs(s *SeenDispute) bool {
	return d.Status == s.Status && d.Amount.Minor == s.Minor && sameTime(d.RespondBy, s.RespondBy)
}

// canBook reports whether what is seen of a dispute makes sense, for a payment of an amount in minor units.
func (s *SeenDispute) canBook(amount int64) bool {
	inJSON := s.RespondBy == nil || s.RespondBy.Year() > 0 && s.RespondBy.Year() < 10_000
	return s.Status.Valid() && s.Minor > 0 && s.Minor <= amount && whole(s.Reference) && inJSON
}

// DisputesDiffer reports whether a look at the charge with these disputes would change those that are booked. amount is the payment's, in
// minor units.
func DisputesDiffer(amount int64, booked []Dispute, seen []SeenDispute) bool {
	for i := range seen {
		s := &seen[i]
		if !s.canBook(amount) {
			continue
		}
		index := slices.IndexFunc(booked, func(d Dispute) bool { return d.Reference == s.Reference })
		if index < 0 && len(booked) < MaxDisputes || index >= 0 && !booked[index].isAs(s) {
			return true
		}
	}
	return false
}

// bookDisputes books the disputes of a charge. It reports whether all of them are booked.
func (c *change) bookDisputes(seen []SeenDispute) (all bool) {
	all = true
	for i := range seen {
		s := &seen[i]
		if !s.canBook(c.Amount.Minor) {
			all = false
			continue
		}
		index := slices.IndexFunc(c.Disputes, func(d Dispute) bool { return d.Reference == s.Reference })
		switch {
		case index >= 0:
			c.updateDispute(&c.Disputes[index], s)
		case len(c.Disputes) < MaxDisputes:
			c.openDispute(s)
		default:
			all = false
		}
	}
	return all
}

func (c *change) openDispute(s *SeenDispute) {
	var last id.Dispute
	if n := len(c.Disputes); n > 0 {
		last = c.Disputes[n-1].ID
	}
	d := Dispute{
		ID: id.After(last, c.Now), OrderID: c.OrderID, PaymentID: c.ID, Amount: money.Amount{Minor: s.Minor, Currency: c.Amount.Currency}, Status: s.Status,
		Reason: freetext.Clip(s.Reason, MaxCode), Reference: s.Reference, RespondBy: s.RespondBy, CreatedAt: c.Now, UpdatedAt: c.Now,
	}
	c.Disputes = append(c.Disputes, d)
	c.disputeChanged(&d, FactDisputeOpened)
	if !d.Open() { // decided before it was seen
		c.disputeChanged(&d, factOfDispute(d.Status))
	}
}

// updateDispute books what has changed of a dispute. A step towards its end is booked at once. Anything else, such as another amount or
// deadline, waits until nextUpdate and is booked as it is then, so that a dispute that changes all the time makes few events.
func (c *change) updateDispute(d *Dispute, s *SeenDispute) {
	if d.isAs(s) {
		return
	}
	order := DisputeStatuses()
	forward := slices.Index(order, s.Status) > slices.Index(order, d.Status)
	if due := d.nextUpdate(); !forward && c.Now.Before(due) {
		c.RecheckAt = Earlier(c.RecheckAt, &due)
		return
	}
	kind := FactDisputeUpdated
	if d.Status != s.Status {
		kind = factOfDispute(s.Status)
	}
	d.Status, d.Amount.Minor, d.RespondBy, d.UpdatedAt = s.Status, s.Minor, s.RespondBy, c.Now
	d.Acknowledged = false
	c.disputeChanged(d, kind)
}

// nextUpdate returns the time from which another change of the dispute may be booked: after half of its age at the last one, within bounds.
// It is in microseconds, as timers are stored, so that it has come when its timer is due.
func (d *Dispute) nextUpdate() time.Time {
	return d.UpdatedAt.Add(min(max(d.UpdatedAt.Sub(d.CreatedAt)/2, shortestDisputeUpdate), longestDisputeUpdate)).Truncate(time.Microsecond)
}

func (c *change) disputeChanged(d *Dispute, kind FactKind) {
	c.UpdatedAt = c.Now
	if !c.awaitsResponse() {
		c.clearAttention(Disputed) // in the version that says why
	}
	disputeID, amount := d.ID, d.Amount
	c.record(Fact{Kind: kind, PaymentID: &c.ID, DisputeID: &disputeID, Amount: &amount})
}

func factOfDispute(s DisputeStatus) FactKind {
	switch s {
	case DisputeWon:
		return FactDisputeWon
	case DisputeLost:
		return FactDisputeLost
	case DisputeWarning, DisputeNeedsResponse, DisputeUnderReview:
	}
	return FactDisputeUpdated
}

// disputeAttention asks for staff while a dispute waits for a response, or warns of one, and they have not acknowledged it.
func (c *change) disputeAttention() {
	if c.awaitsResponse() {
		c.needsAttention(Disputed)
		return
	}
	c.clearAttention(Disputed)
}

// watchDisputes looks at the charge again while a dispute is open, in case the provider's webhook is lost: after an eighth of the time
// since the newest one was seen, within bounds. A dispute that is open for 60 days is looked at some 35 times.
func (c *change) watchDisputes() {
	if c.RecheckAt != nil {
		return
	}
	var newest *Dispute
	for i := range c.Disputes {
		if d := &c.Disputes[i]; d.Open() {
			newest = d
		}
	}
	if newest != nil {
		pause := min(max(c.Now.Sub(newest.CreatedAt)/8, shortestDisputePause), longestDisputePause)
		c.RecheckAt = at(c.Now.Add(lessJitter(pause, c.ID)))
	}
}

// awaitsResponse reports whether staff have to look at a dispute.
func (p *Payment) awaitsResponse() bool {
	return slices.ContainsFunc(p.Disputes, func(d Dispute) bool {
		return !d.Acknowledged && (d.Status == DisputeNeedsResponse || d.Status == DisputeWarning)
	})
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}
