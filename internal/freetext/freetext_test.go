package freetext_test

import (
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/freetext"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in   string
		want fault.Code
	}{
		"OK":                {"Leave it at the door.\nThanks, Zoë\t🙂", ""},
		"OKEmpty":           {"", ""},
		"OKLongest":         {strings.Repeat("ä", 100), ""},
		"ErrTooLong":        {strings.Repeat("ä", 101), fault.TextTooLong},
		"ErrNullByte":       {"a\x00b", fault.TextInvalid},
		"ErrEscape":         {"a\x1b[31m", fault.TextInvalid},
		"ErrUTF8":           {"a\xff", fault.TextInvalid},
		"ErrCard":           {"my card is 4242 4242 4242 4242 ok", fault.CardNumberRefused},
		"ErrCardDashes":     {"4000-0566-5566-5556", fault.CardNumberRefused},
		"ErrCardAmex":       {"x378282246310005y", fault.CardNumberRefused},
		"ErrCardDateCode":   {"4242 4242 4242 4242 12/27 123", fault.CardNumberRefused},
		"ErrCardCode":       {"4242 4242 4242 4242 123", fault.CardNumberRefused},
		"ErrCardBehind":     {"2 of them, 17 4242424242424242", fault.CardNumberRefused},
		"ErrCardDots":       {"4242.4242.4242.4242", fault.CardNumberRefused},
		"ErrCardLines":      {"4242\r\n4242\r\n4242\r\n4242", fault.CardNumberRefused},
		"ErrCardUnseen":     {"4242\u200b4242\u200b4242\u200b4242", fault.CardNumberRefused},
		"ErrCardDashed":     {"4242 – 4242 – 4242 – 4242", fault.CardNumberRefused},
		"ErrCardFullWidth":  {"４２４２４２４２４２４２４２４２", fault.CardNumberRefused},
		"ErrCardArabic":     {"٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", fault.CardNumberRefused},
		"ErrCardAfterMany":  {"1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 4242 4242 4242 4242", fault.CardNumberRefused},
		"OKPhone":           {"+49 170 1234567 or 030 1234567", ""},
		"OKTimes":           {"between 2026-11-22 10:00 and 2026-11-22 12:30", ""},
		"OKFarApart":        {"42424242     42424242", ""},
		"OKNotLuhn":         {"4242 4242 4242 4241", ""},
		"OKTwelveDigits":    {"424242424242", ""},
		"OKTwentyDigits":    {"42424242424242424242", ""},
		"OKTwoNumbersApart": {"42424242,42424242", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := fault.Code("")
			if err := freetext.Check(tt.in, 100, "input", "note"); err != nil {
				got = err.Code
				if strings.Contains(err.Message, "4242") {
					t.Errorf("the message repeats the number: %q", err.Message)
				}
			}
			if got != tt.want {
				t.Errorf("Check(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}
