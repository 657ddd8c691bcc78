package order

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

// MaxRefundLines bounds the lines of all refunds of an order together, because each event's state has them.
const MaxRefundLines = 200

// ShownLine is a line of an order as of one of its versions.
type ShownLine struct {
	*Line
	// Position in the order, from 1.
	Position int
	// RefundedQuantity is the quantity in refunds by line that have not failed.
	RefundedQuantity int
}

// RefundLine is a line of a refund.
type RefundLine struct {
	Line     ShownLine
	Quantity int
	Amount   money.Amount
}

// ShownLines are the order's lines, with what was refunded of each.
func (o *Order) ShownLines() []ShownLine {
	lines := make([]ShownLine, len(o.Lines))
	for i := range lines {
		lines[i] = ShownLine{Line: &o.Lines[i], Position: i + 1}
	}
	for i := range o.Payments {
		for j := range o.Payments[i].Refunds {
			r := &o.Payments[i].Refunds[j]
			for _, l := range r.Lines {
				if r.Status != payment.RefundFailed && l.Position >= 1 && l.Position <= len(lines) {
					lines[l.Position-1].RefundedQuantity += l.Quantity
				}
			}
		}
	}
	return lines
}

// LinesOf returns the lines of one of the order's refunds, none if it was not requested by line. The order's own lines must be loaded.
func (o *Order) LinesOf(r *payment.Refund) ([]RefundLine, error) {
	if len(r.Lines) == 0 {
		return nil, nil
	}
	shown, lines := o.ShownLines(), make([]RefundLine, len(r.Lines))
	for i, l := range r.Lines {
		if l.Position < 1 || l.Position > len(shown) {
			return nil, fmt.Errorf("refund %s is of line %d, and order %s has %d", r.ID, l.Position, o.ID, len(shown))
		}
		line := shown[l.Position-1]
		lines[i] = RefundLine{Line: line, Quantity: l.Quantity, Amount: o.amount(line.UnitPrice.Minor * int64(l.Quantity))}
	}
	return lines, nil
}

// LineAmount returns what refunding the lines gives back, in minor units: of each its price times its quantity. Its user errors say which
// line the order does not have, or not in this quantity any more, or that this is more than can be refunded.
func (o *Order) LineAmount(lines []payment.RefundLine) (minor int64, err error) {
	var problems fault.List
	shown := o.ShownLines()
	for i, l := range lines {
		if l.Position > len(shown) {
			problems.Add(refundLineError(i, fault.InvalidInput, fmt.Sprintf("The order has no line %d.", l.Position), "position"))
			continue
		}
		line := shown[l.Position-1]
		if left := line.Quantity - line.RefundedQuantity; l.Quantity > left {
			problems.Add(refundLineError(i, fault.QuantityOutOfRange, fmt.Sprintf("At most %d of line %d can be refunded.", left, l.Position), "quantity"))
			continue
		}
		minor += line.UnitPrice.Minor * int64(l.Quantity)
	}
	if err := problems.Err(); err != nil {
		return 0, err
	}
	switch left := o.RefundableAtOnce(); {
	case minor > left:
		return 0, fault.User(fault.AmountOutOfRange, fmt.Sprintf("These lines are %d minor units, and at most %d can be refunded.", minor, left), "input", "lines")
	case minor == 0:
		return 0, fault.User(fault.AmountOutOfRange, "These lines cost nothing.", "input", "lines")
	}
	return minor, nil
}

// checkRefundLines checks what can be checked without the order. A refund is of an amount, of lines, or of all that is refundable.
func checkRefundLines(problems *fault.List, in RefundInput) {
	switch {
	case in.Lines == nil:
		return
	case in.AmountMinor != nil:
		problems.Add(fault.User(fault.InvalidInput, "Give amountMinor or lines, not both: the amount of lines is computed.", "input", "amountMinor"))
		return
	case len(in.Lines) == 0:
		problems.Add(fault.User(fault.InvalidInput, "Give at least one line, or leave lines out.", "input", "lines"))
		return
	case len(in.Lines) > MaxItems:
		problems.Add(fault.User(fault.InvalidInput, fmt.Sprintf("An order has at most %d lines.", MaxItems), "input", "lines"))
		return
	}
	seen := map[int]bool{}
	for i, l := range in.Lines {
		switch {
		case l.Position < 1:
			problems.Add(refundLineError(i, fault.InvalidInput, "Positions start at 1.", "position"))
		case seen[l.Position]:
			problems.Add(refundLineError(i, fault.InvalidInput, fmt.Sprintf("Line %d is given twice.", l.Position), "position"))
		}
		seen[l.Position] = true
		if l.Quantity < 1 {
			problems.Add(refundLineError(i, fault.QuantityOutOfRange, "The quantity is at least 1.", "quantity"))
		}
	}
}

// checkRefundLineCap refuses a refund whose lines would be above MaxRefundLines.
func (o *Order) checkRefundLineCap(lines []payment.RefundLine) error {
	n := len(lines)
	for i := range o.Payments {
		for j := range o.Payments[i].Refunds {
			n += len(o.Payments[i].Refunds[j].Lines)
		}
	}
	if len(lines) == 0 || n <= MaxRefundLines {
		return nil
	}
	return fault.User(fault.TooManyRefunds, fmt.Sprintf("The refunds of an order have at most %d lines. Refund an amount.", MaxRefundLines), "input", "lines")
}

func refundLineError(i int, code fault.Code, message, field string) *fault.Error {
	return fault.User(code, message, "input", "lines", strconv.Itoa(i), field)
}

// wordsOf says which lines are refunded, for the audit trail: ", lines 1 (2), 3 (1)".
func wordsOf(lines []payment.RefundLine) string {
	if len(lines) == 0 {
		return ""
	}
	words := make([]string, len(lines))
	for i, l := range lines {
		words[i] = fmt.Sprintf("%d (%d)", l.Position, l.Quantity)
	}
	return ", lines " + strings.Join(words, ", ")
}
