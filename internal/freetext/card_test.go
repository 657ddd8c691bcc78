package freetext_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/freetext"
	"github.com/orderwire/orderwire/internal/id"
)

// cards are test numbers that the schemes and providers publish.
var cards = map[string][]int{ // and how they are printed
	"4242424242424242":    {4, 4, 4, 4},
	"4000056655665556":    {4, 4, 4, 4},
	"4222222222222":       {4, 3, 3, 3},
	"5555555555554444":    {4, 4, 4, 4},
	"2223003122003222":    {4, 4, 4, 4},
	"2720998837779594":    {4, 4, 4, 4},
	"378282246310005":     {4, 6, 5},
	"341134113411347":     {4, 6, 5},
	"36227206271667":      {4, 6, 4},
	"30569309025904":      {4, 6, 4},
	"6011000990139424":    {4, 4, 4, 4},
	"6445644564456445":    {4, 4, 4, 4},
	"3566002020360505":    {4, 4, 4, 4},
	"6205500000000000004": {4, 4, 4, 4, 3},
	"6759649826438453":    {4, 4, 4, 4},
	"2200000000000004":    {4, 4, 4, 4},
	"8600490000000000":    {4, 4, 4, 4},
}

func grouped(number string, sizes []int, separator string) string {
	var groups []string
	for _, n := range sizes {
		groups, number = append(groups, number[:n]), number[n:]
	}
	return strings.Join(groups, separator)
}

func TestCardsInAnyLayout(t *testing.T) {
	t.Parallel()
	separators := []string{
		" ", "-", ".", "/", "_", ",", ";", ":", "|", "*", "~", "+", "=", "#", "'", "\\", "·", "•", "–", "→", "\u00a0", "\u3000", "\t", "\n",
		"🙂", " - ", " / ", " | ", "--", "\r\n", ") (", "\u200b", "\u2060", "\u00ad", "%20", "%2F",
	}
	for number, printed := range cards {
		dresses := []string{number}
		for _, separator := range separators {
			dresses = append(dresses, grouped(number, printed, separator))
		}
		for _, frame := range []string{
			"%s", "my card is %s ok", "Visa%s", "%sVISA", "card%sexp1227cvc123", "x%sy", "%s 12/27 123", "%s 123", "12/27 %s", "2 of them, 17 %s",
			"卡号%s谢谢", "(%s)", "1 2 3 4 5 6 7 8 9 %s", `{"pan":"%s"}`, "https://shop.example/?pan=%s&x=1", "deadbeef %s", "%s deadbeef",
		} {
			for _, dress := range dresses {
				if s := strings.Replace(frame, "%s", dress, 1); !freetext.HasCardNumber(s) {
					t.Errorf("%q passes", s)
				}
			}
		}
		wrong := number[:len(number)-1] + strconv.Itoa((int(number[len(number)-1]-'0')+1)%10)
		if freetext.HasCardNumber(wrong) || freetext.HasCardNumber(grouped(wrong, printed, " ")) {
			t.Errorf("%s: the check digit is wrong, and it is refused", wrong)
		}
	}
	for _, s := range []string{
		"４２４２４２４２４２４２４２４２", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "4️⃣2️⃣4️⃣2️⃣4️⃣2️⃣4️⃣2️⃣4️⃣2️⃣4️⃣2️⃣4️⃣2️⃣4️⃣2️⃣", "4̲2̲4̲2̲4̲2̲4̲2̲4̲2̲4̲2̲4̲2̲4̲2̲", "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
		"42-42-42-42-42-42-42-42", "42424242 42424242", "%34%32%34%32%34%32%34%32%34%32%34%32%34%32%34%32", "3782 8224 6310 005", "620550 0000000000004",
	} {
		if !freetext.HasCardNumber(s) {
			t.Errorf("%q passes", s)
		}
	}
}

// Texts that merchants send and that must pass. Each long number here has a correct Luhn digit and an issuer's first digits
// somewhere, or it would prove nothing.
func TestNoCards(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"http://127.0.0.1:9/7a965142-7740-411b-89ad-4445cb9411df",             // was refused, in groups with and without letters
		"+49 170 1234567 or 030 1234567", "+4917012345674", "+43 664 1234567", // telephones
		"between 2026-11-22 10:00 and 2026-11-22 12:30", "20261122T100000.000000Z", "1795341600000000", // times
		"DK5000400440116243", "DE89 3704 0044 0532 0130 00", "NO93 8601 1117 947", "BE68 5390 0754 7034", "GB29 NWBK 6016 1331 9268 19", // IBANs
		"DE44 5001 0517 5407 3249 31", "de44500105175407324931",
		"4006381333931", "4005808224135", "9783161484100", // products
		"52.4242424242424242", "-0.4242424242424242", `{"lat":48.4242424242424242,"lng":16.4242424242424242}`, // fractions
		"42424242,42424242", "4242424242     42424242", "424242424242", "42424242424242424242", "1 4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2", // other groups
		"9400111899223197428490", "1Z999AA10123456784", "00340434161094042557", // parcels
		"42.42.424.2424242.42", "3f4242424242424242a1",
	} {
		if freetext.HasCardNumber(s) {
			t.Errorf("%q is refused", s)
		}
	}
}

// Random identifiers pass. The rates are bounds; the seeds are fixed, so that runs are equal.
func TestRandomIdentifiersPass(t *testing.T) {
	t.Parallel()
	const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for name, kind := range map[string]struct {
		tries, allowed int
		make           func(r *rand.Rand) string
	}{
		"UUIDv4":    {500_000, 4, func(r *rand.Rand) string { return randomUUID(r, 4).String() }},
		"UUIDv7":    {500_000, 4, func(r *rand.Rand) string { return randomUUID(r, 7).String() }},
		"UUIDInURL": {100_000, 1, func(r *rand.Rand) string { return "https://shop.example:8443/42/" + randomUUID(r, 4).String() }},
		"UUIDPlain": {100_000, 9, func(r *rand.Rand) string { return strings.ReplaceAll(randomUUID(r, 4).String(), "-", "") }},
		"SHA-256":   {100_000, 9, func(r *rand.Rand) string { sum := randomHash(r); return hex.EncodeToString(sum[:]) }},
		"SHA-1":     {100_000, 9, func(r *rand.Rand) string { sum := randomHash(r); return hex.EncodeToString(sum[:20]) }},
		"SpanID":    {100_000, 9, func(r *rand.Rand) string { sum := randomHash(r); return hex.EncodeToString(sum[:8]) }},
		"TraceContext": {100_000, 9, func(r *rand.Rand) string {
			sum := randomHash(r)
			return fmt.Sprintf("00-%x-%x-01", sum[:16], sum[16:24])
		}},
		"Base64": {100_000, 9, func(r *rand.Rand) string { sum := randomHash(r); return base64.StdEncoding.EncodeToString(sum[:]) }},
		"IPv6": {100_000, 9, func(r *rand.Rand) string {
			sum := randomHash(r)
			return netip.AddrFrom16([16]byte(sum[:16])).StringExpanded()
		}},
		"EUI-64": {100_000, 9, func(r *rand.Rand) string {
			sum := randomHash(r)
			return strings.ReplaceAll(fmt.Sprintf("% x", sum[:8]), " ", ":")
		}},
		"OurID":       {100_000, 1, func(r *rand.Rand) string { return id.Order(randomUUID(r, 7)).TypeID() }},
		"ULID":        {100_000, 1, func(r *rand.Rand) string { return "01" + random(r, crockford, 24) }},
		"OrderNumber": {100_000, 1, func(r *rand.Rand) string { return "OW-" + random(r, crockford, 8) + ", OW-" + random(r, crockford, 8) }},
		"Stripe":      {100_000, 1, func(r *rand.Rand) string { return "pi_3" + random(r, alphanumeric, 23) }},
		"Licence":     {100_000, 1, func(r *rand.Rand) string { return grouped(random(r, crockford, 20), []int{4, 4, 4, 4, 4}, "-") }},
		"GTIN-13":     {100_000, 0, func(r *rand.Rand) string { return gtin("4" + random(r, "0123456789", 11)) }},
		"IBAN":        {100_000, 0, func(r *rand.Rand) string { return iban("DE", random(r, "0123456789", 18)) }},
		"IBANShort":   {100_000, 0, func(r *rand.Rand) string { return strings.ReplaceAll(iban("DK", random(r, "0123456789", 14)), " ", "") }},
		"Coordinates": {100_000, 0, func(r *rand.Rand) string { return fmt.Sprintf("%v,%v", r.Float64()*180-90, r.Float64()*360-180) }},
		"Telephone": {100_000, 0, func(r *rand.Rand) string {
			return "+49 1" + random(r, "0123456789", 2) + " " + random(r, "0123456789", 8)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(7, 7812))
			refused, example := 0, ""
			for range kind.tries {
				if s := kind.make(r); freetext.HasCardNumber(s) {
					refused, example = refused+1, s
				}
			}
			t.Logf("%d of %d refused %s", refused, kind.tries, example)
			if refused > kind.allowed {
				t.Errorf("%d of %d are refused, such as %s; at most %d may be", refused, kind.tries, example, kind.allowed)
			}
		})
	}
}

func random(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

func randomUUID(r *rand.Rand, version byte) (u uuid.UUID) {
	binary.BigEndian.PutUint64(u[:8], r.Uint64())
	binary.BigEndian.PutUint64(u[8:], r.Uint64())
	if version == 7 { // milliseconds of some ten years
		binary.BigEndian.PutUint64(u[:8], (1_700_000_000_000+r.Uint64N(300_000_000_000))<<16|r.Uint64N(1<<16))
	}
	u[6], u[8] = u[6]&0x0f|version<<4, u[8]&0x3f|0x80
	return u
}

func randomHash(r *rand.Rand) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, r.Uint64()))
}

func gtin(digits string) string {
	sum := 0
	for i := range len(digits) {
		sum += int(digits[i]-'0') * (1 + 2*(i%2))
	}
	return digits + strconv.Itoa((10-sum%10)%10)
}

// iban inserts the check digits, and blanks as printed.
func iban(country, account string) string {
	rest := 0
	for _, c := range account + country + "00" {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	s := fmt.Sprintf("%s%02d%s", country, 98-rest, account)
	var groups []string
	for ; len(s) > 4; s = s[4:] {
		groups = append(groups, s[:4])
	}
	return strings.Join(append(groups, s), " ")
}
