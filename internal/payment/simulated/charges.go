package simulated

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

// chargePage is the size of a page of charges.
const chargePage = 100

const chargeColumns = `
	reference, order_id, payment_id, amount, currency, captured, refunded, status, created_at,
	status = 'ACTION_REQUIRED' AND action_expires_at <= statement_timestamp() AS expired`

type chargeRow struct {
	Reference string          `db:"reference"`
	OrderID   id.Order        `db:"order_id"`
	PaymentID id.Payment      `db:"payment_id"`
	Amount    int64           `db:"amount"`
	Currency  string          `db:"currency"`
	Captured  int64           `db:"captured"`
	Refunded  int64           `db:"refunded"`
	Status    payment.Outcome `db:"status"`
	CreatedAt time.Time       `db:"created_at"`
	Expired   bool            `db:"expired"`
}

func (row *chargeRow) charge() payment.Charge {
	t := payment.Totals{Captured: row.Captured, Refunded: row.Refunded}
	withoutMoney := payment.ChargeReleased
	switch {
	case row.Status == payment.Held:
		withoutMoney = payment.ChargeAuthorized
	case row.Status == payment.Pending, row.Status == payment.ActionRequired && !row.Expired:
		withoutMoney = payment.ChargePending
	}
	return payment.Charge{
		Reference: row.Reference, OrderID: row.OrderID, PaymentID: row.PaymentID, Amount: money.New(row.Amount, row.Currency),
		Totals: t, Status: t.ChargeStatus(withoutMoney), CreatedAt: row.CreatedAt.UTC(),
	}
}

// Charges lists the charges that were made with the installation's id, newest first.
// Errors are payment.ErrPlaceGone and *UnavailableError.
func (p *Provider) Charges(ctx context.Context, r payment.ChargeRange) (payment.ChargePage, error) {
	if r.After != "" {
		var known bool
		err := p.db.GetContext(ctx, &known, `SELECT EXISTS (SELECT FROM simulated.charges WHERE reference = $1)`, r.After)
		switch {
		case err != nil:
			return payment.ChargePage{}, unavailable(err)
		case !known:
			return payment.ChargePage{}, payment.ErrPlaceGone
		}
	}
	var rows []chargeRow
	err := p.db.SelectContext(ctx, &rows, `
		SELECT `+chargeColumns+` FROM simulated.charges
		WHERE installation = $1 AND created_at BETWEEN $2 AND $3
			AND ($4 = '' OR (created_at, reference) < (SELECT created_at, reference FROM simulated.charges WHERE reference = $4))
		ORDER BY created_at DESC, reference DESC LIMIT $5`, r.Installation, r.From, r.Until, r.After, chargePage+1)
	if err != nil {
		return payment.ChargePage{}, unavailable(err)
	}
	var page payment.ChargePage
	if len(rows) > chargePage {
		rows = rows[:chargePage]
		page.Next = rows[chargePage-1].Reference
	}
	for i := range rows {
		page.Charges = append(page.Charges, rows[i].charge())
	}
	return page, nil
}

// Charge is one charge as it is now. Errors are *RejectedError and *UnavailableError.
func (p *Provider) Charge(ctx context.Context, reference string) (payment.Charge, error) {
	var row chargeRow
	err := p.db.GetContext(ctx, &row, `SELECT `+chargeColumns+` FROM simulated.charges WHERE reference = $1`, reference)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return payment.Charge{}, rejection(CodeChargeNotFound)
	case err != nil:
		return payment.Charge{}, unavailable(err)
	}
	return row.charge(), nil
}

// rangeOf reads what the client's chargesQuery wrote.
func rangeOf(query url.Values) (payment.ChargeRange, error) {
	installation, err := uuid.Parse(query.Get("installation"))
	if err != nil {
		return payment.ChargeRange{}, invalid(CodeRequestInvalid, "installation has to be a UUID")
	}
	from, fromErr := time.Parse(time.RFC3339Nano, query.Get("from"))
	until, untilErr := time.Parse(time.RFC3339Nano, query.Get("until"))
	if err := errors.Join(fromErr, untilErr); err != nil {
		return payment.ChargeRange{}, invalid(CodeRequestInvalid, "from and until have to be times by RFC 3339")
	}
	return payment.ChargeRange{Installation: installation, From: from, Until: until, After: query.Get("after")}, nil
}

func chargesQuery(r payment.ChargeRange) url.Values {
	query := url.Values{
		"installation": {r.Installation.String()},
		"from":         {r.From.UTC().Format(time.RFC3339Nano)}, "until": {r.Until.UTC().Format(time.RFC3339Nano)},
	}
	if r.After != "" {
		query.Set("after", r.After)
	}
	return query
}

// Charges is Provider.Charges.
func (c *Client) Charges(ctx context.Context, r payment.ChargeRange) (payment.ChargePage, error) {
	address := c.base.JoinPath("v1", "charges")
	address.RawQuery = chargesQuery(r).Encode()
	var answer wireCharges
	if err := c.get(ctx, address, &answer); err != nil {
		if refused, ok := errors.AsType[*RejectedError](err); ok && refused.Code == CodePlaceGone {
			return payment.ChargePage{}, payment.ErrPlaceGone
		}
		return payment.ChargePage{}, err
	}
	page := payment.ChargePage{Next: answer.Next}
	for _, charge := range answer.Charges {
		page.Charges = append(page.Charges, charge.charge())
	}
	return page, nil
}

// Charge is Provider.Charge.
func (c *Client) Charge(ctx context.Context, reference string) (payment.Charge, error) {
	var answer wireCharge
	if err := c.get(ctx, c.base.JoinPath("v1", "charges", url.PathEscape(reference)), &answer); err != nil {
		return payment.Charge{}, err
	}
	return answer.charge(), nil
}
