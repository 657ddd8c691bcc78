package addresslimit_test

import (
	"testing"

	"github.com/orderwire/orderwire/internal/addresslimit"
)

func TestUnread(t *testing.T) {
	t.Parallel()
	const kilo = 1 << 10
	unread := addresslimit.NewUnread(100 * kilo)
	ada, again, bob := unread.Of("ada"), unread.Of("ada"), unread.Of("bob")
	first, ok := ada.ReserveAnswer(60 * kilo)
	if !ok {
		t.Fatal("the first is refused")
	}
	if _, ok := again.ReserveAnswer(60 * kilo); ok {
		t.Error("a second connection has a bound of its own")
	}
	if _, ok := again.ReserveAnswer(kilo); !ok {
		t.Error("a small message is refused")
	}
	other, ok := bob.ReserveAnswer(200 * kilo)
	if !ok {
		t.Error("an answer that is larger than the bound can never be sent")
	}
	if ada.Full() || !bob.Full() {
		t.Error("full is at the limit")
	}
	more := again.Add(60 * kilo)
	if !ada.Full() || unread.Held() != 320*kilo {
		t.Errorf("%d bytes are held", unread.Held())
	}
	ada.Release(first)
	again.Release(more)
	bob.Release(other)
	if unread.Held() != 0 {
		t.Errorf("%d bytes are held by nobody", unread.Held())
	}
	if _, ok := ada.ReserveRequest(4 * kilo); !ok || unread.Held() != 0 {
		t.Error("a short request counts")
	}
	kept, ok := ada.ReserveRequest(70 * kilo)
	if _, second := ada.ReserveRequest(70 * kilo); !ok || second || unread.Held() != 70*kilo {
		t.Errorf("of two long requests %d bytes are held", unread.Held())
	}
	ada.Release(kept)
	var none *addresslimit.Account
	if held, ok := none.ReserveAnswer(1 << 30); !ok || held != 0 || none.Full() || none.Add(5) != 0 {
		t.Error("no account has a bound")
	}
	none.Release(1)
}
