package order_test

import (
	"slices"
	"testing"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// Each role is offered exactly what the rules allow in a state.
func TestOptions(t *testing.T) {
	t.Parallel()
	is := func(outcome payment.Outcome) func(*walker) {
		return func(w *walker) { w.answer(w.call(payment.OperationAuthorize), outcome, nil) }
	}
	then := func(steps ...func(*walker)) func(*walker) {
		return func(w *walker) {
			for _, step := range steps {
				step(w)
			}
		}
	}
	none := []order.Option{}
	for name, tt := range map[string]struct {
		before       func(*walker)
		owner, staff []order.Option
	}{
		"Initializing": {func(*walker) {}, []order.Option{order.OptionCancel}, []order.Option{order.OptionCancel, order.OptionVoid}},
		"Processing":   {func(w *walker) { w.call(payment.OperationAuthorize) }, []order.Option{order.OptionCancel}, []order.Option{order.OptionCancel}},
		"Unreached": {
			func(w *walker) { w.answer(w.call(payment.OperationAuthorize), "", errsUnreached["NotSent"]) },
			[]order.Option{order.OptionCancel, order.OptionRetryPayment},
			[]order.Option{order.OptionCancel, order.OptionRetryPayment, order.OptionVoid},
		},
		"RequiresAction": {
			is(payment.ActionRequired),
			[]order.Option{order.OptionCancel, order.OptionRetryPayment, order.OptionCompleteAction},
			[]order.Option{order.OptionCancel, order.OptionRetryPayment, order.OptionCompleteAction, order.OptionVoid},
		},
		"Waiting":    {then(is(payment.ActionRequired), (*walker).payAnotherWay), []order.Option{order.OptionCancel}, []order.Option{order.OptionCancel, order.OptionVoid}},
		"Authorized": {is(payment.Held), []order.Option{order.OptionCancel}, []order.Option{order.OptionCancel, order.OptionCapture, order.OptionVoid}},
		"Capturing":  {then(is(payment.Held), (*walker).capture), []order.Option{order.OptionCancel}, []order.Option{order.OptionCancel}},
		"Voiding":    {then(is(payment.Held), (*walker).void), []order.Option{order.OptionCancel}, []order.Option{order.OptionCancel}},
		"Declined":   {is(payment.Refused), []order.Option{order.OptionCancel, order.OptionRetryPayment}, []order.Option{order.OptionCancel, order.OptionRetryPayment}},
		"Confirmed":  {is(payment.Captured), []order.Option{order.OptionCancel}, []order.Option{order.OptionCancel, order.OptionDeliver, order.OptionRefund}},
		"Delivered":  {then(is(payment.Captured), func(w *walker) { w.next() }), none, []order.Option{order.OptionRefund}},
		"Cancelling": {then(is(payment.Captured), (*walker).cancel), none, none},
		"NeedsAttention": {
			func(w *walker) { w.capped(payment.OperationAuthorize) },
			[]order.Option{order.OptionCancel},
			[]order.Option{order.OptionCancel, order.OptionResolve},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWalker(t, payment.CaptureManual)
			tt.before(w)
			for role, want := range map[auth.Role][]order.Option{auth.RoleCustomer: tt.owner, auth.RoleStaff: tt.staff} {
				if got := w.o.Options(auth.Principal{CustomerID: w.o.CustomerID, Role: role}, w.policy); !slices.Equal(got, want) {
					t.Errorf("%s: %v, want %v", role, got, want)
				}
			}
			if got := w.o.Options(auth.Principal{CustomerID: id.New[id.Customer](), Role: auth.RoleCustomer}, w.policy); len(got) != 0 {
				t.Errorf("a stranger: %v", got)
			}
		})
	}
}
