package order_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// TestKnown sets each enum of an event and its state to what no version has: Known must find it, fields that are added later included.
func TestKnown(t *testing.T) {
	t.Parallel()
	now := time.Now()
	reason, attention := order.CancelledByStaff, payment.Mismatch
	e := &order.Event{
		Type: order.OrderCancelling, Actor: order.Actor{Kind: order.ActorStaff}, At: now,
		Data: order.EventData{Attention: &attention, CancelReason: &reason},
		Order: &order.Order{Head: &order.Head{ID: id.New[id.Order]()}, State: order.State{
			Status: order.Cancelling, CancelReason: &reason,
			Payments: []payment.Payment{{
				Status: payment.Confirmed, CaptureMethod: payment.CaptureManual, Goal: payment.Voided, Attention: &attention,
				Refunds:  []payment.Refund{{Status: payment.RefundPending, Origin: payment.RefundOfCancel}},
				Disputes: []payment.Dispute{{Status: payment.DisputeWarning}},
			}},
		}},
	}
	if err := e.Known(); err != nil {
		t.Fatal(err)
	}
	found := 0
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		if _, is := v.Interface().(interface{ Valid() bool }); is && v.Kind() == reflect.String {
			found++
			was := v.String()
			v.SetString("FROZEN")
			if err := e.Known(); !errors.Is(err, fault.ErrNewer) {
				t.Errorf("%s: %v", path, err)
			}
			v.SetString(was)
			return
		}
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				walk(path, v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(path, v.Index(i))
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if field := v.Type().Field(i); field.IsExported() {
					walk(path+"."+field.Name, v.Field(i))
				}
			}
		}
	}
	walk("Event", reflect.ValueOf(e))
	if found != 13 {
		t.Errorf("%d enums have a value in this test's event; give each one", found)
	}
}
