package freetext

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// HasCardNumber reports whether s contains what looks like the number of a payment card, and like nothing else:
//
//   - its first digits and its length are those of an issuer, and the last digit is the correct check digit (Luhn,
//     ISO/IEC 7812-1 annex B);
//   - its digits, of any script, are one run, or groups as printed on cards, with up to three characters other than
//     letters and digits between them. Characters without a width do not count;
//   - its digits are not part of an identifier: a hexadecimal token, an IPv6 address, an IBAN, a GTIN-13 (EAN), a
//     telephone number that begins with +, or a decimal fraction.
//
// Random identifiers must pass, because a refusal loses an order; the tests check the rates. Adjacent text does not hide a
// number: people write a name before it, and its date and code right after it.
func HasCardNumber(s string) bool {
	if !enoughDigits(s) {
		return false
	}
	return hasCard(s) || strings.Contains(s, "%") && hasCard(percentEncoded.ReplaceAllStringFunc(s, percentDecode))
}

const (
	minCardDigits = 13
	maxCardDigits = 19
	// maxSeparators bounds the characters between two groups of one number, as in "4242 - 4242".
	maxSeparators = 3
)

var percentEncoded = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

func percentDecode(escape string) string {
	b, _ := strconv.ParseUint(escape[1:], 16, 8) // the pattern allows no other
	return string([]byte{byte(b)})
}

// enoughDigits is a quick check that excludes nearly all texts.
func enoughDigits(s string) bool {
	n := 0
	for i := 0; i < len(s); i++ {
		// An escaped digit is %3 and its value; a digit of another script has two or more bytes.
		if c := s[i]; c >= '0' && c <= '9' || c >= 0x80 {
			if n++; n >= minCardDigits {
				return true
			}
		}
	}
	return false
}

// digitGroup is a run of digits, in ASCII.
type digitGroup struct {
	digits string
	// joined: only a few separators stand between the previous group and this one. plain: they are blanks, dashes or dots.
	joined, plain bool
	// before is the character before the group, or 0.
	before rune
	// besideHex: a colon connects the group with a hexadecimal token, as in an IPv6 address.
	besideHex bool
}

func hasCard(s string) bool {
	groups := digitGroups(tokens(s))
	for first := range groups {
		number, plain := "", true
		for last := first; last < len(groups); last++ {
			if last > first {
				if !groups[last].joined {
					break
				}
				plain = plain && groups[last].plain
			}
			if number += groups[last].digits; len(number) > maxCardDigits {
				break
			}
			if isCard(number) && groupedAsCard(groups, first, last, plain) {
				return true
			}
		}
	}
	return false
}

// groupedAsCard reports whether the groups from first to last are spaced as one card's number.
func groupedAsCard(groups []digitGroup, first, last int, plain bool) bool {
	sizes := make([]int, 0, maxCardDigits)
	for _, g := range groups[first : last+1] {
		sizes = append(sizes, len(g.digits))
	}
	if len(sizes) == 1 {
		return !isPhone(groups[first]) && !isFraction(groups, first)
	}
	switch {
	case groups[first].besideHex || groups[last].besideHex:
		return false
	case evenly(sizes, 4): // Visa, Mastercard, … and their longer ones: 4-4-4-4-3
		return true
	case printedAs(sizes, 4, 6, 5), printedAs(sizes, 4, 6, 4), printedAs(sizes, 4, 3, 3, 3), printedAs(sizes, 6, 13):
		return true
	case !plain:
		return false
	case printedAs(sizes, 8, 8):
		return true
	}
	// Single digits or pairs count only if no more of the same stand around them, which would be a list of small numbers.
	for _, size := range []int{1, 2} {
		if evenly(sizes, size) {
			longerBefore := first > 0 && groups[first].joined && len(groups[first-1].digits) == size
			longerBehind := last+1 < len(groups) && groups[last+1].joined && len(groups[last+1].digits) == size
			return !longerBefore && !longerBehind
		}
	}
	return false
}

func printedAs(sizes []int, want ...int) bool {
	if len(sizes) != len(want) {
		return false
	}
	for i := range sizes {
		if sizes[i] != want[i] {
			return false
		}
	}
	return true
}

// evenly reports whether all groups have the size; the last one may be smaller.
func evenly(sizes []int, size int) bool {
	for _, n := range sizes[:len(sizes)-1] {
		if n != size {
			return false
		}
	}
	return sizes[len(sizes)-1] <= size
}

// isPhone reports whether the group is a telephone number (ITU-T E.164): 13 or 14 digits after a plus, which may begin as a
// Visa's or a Diners'.
func isPhone(g digitGroup) bool { return g.before == '+' && len(g.digits) <= 14 }

// isFraction reports whether the group is a decimal fraction. Programs print up to 17 digits after the point, for example in
// coordinates: 52.51703651616161.
func isFraction(groups []digitGroup, i int) bool {
	if groups[i].before != '.' || i == 0 || !groups[i].joined {
		return false
	}
	whole := groups[i-1]
	return len(whole.digits) <= 3 && whole.before != '.'
}

// issuers are the first four digits of cards with their lengths, as the schemes publish them; see
// https://en.wikipedia.org/wiki/Payment_card_number. UATP (1) is left out: times in microseconds begin so.
var issuers = []struct{ low, high, shortest, longest int }{
	{2200, 2205, 16, 19},                                             // Mir, BORICA
	{2221, 2720, 16, 16},                                             // Mastercard
	{3000, 3059, 14, 14}, {3000, 3059, 16, 19}, {3095, 3095, 14, 19}, // Diners Club
	{3600, 3699, 14, 14}, {3600, 3699, 16, 19}, {3800, 3999, 14, 14}, // Diners Club
	{3800, 3999, 16, 19},                       // Diners Club
	{3400, 3499, 15, 15}, {3700, 3799, 15, 15}, // American Express
	{3528, 3589, 16, 19},                                             // JCB
	{4000, 4999, 13, 13}, {4000, 4999, 16, 16}, {4000, 4999, 19, 19}, // Visa
	{5000, 5999, 16, 16},                                             // Mastercard, Maestro, Dankort, Elo, UzCard
	{5018, 5018, 16, 19}, {5020, 5020, 16, 19}, {5038, 5038, 16, 19}, // Maestro
	{5060, 5079, 16, 19},                       // Verve
	{5893, 5893, 16, 19},                       // Maestro
	{6000, 6099, 16, 16}, {6011, 6011, 16, 19}, // RuPay, Hipercard; Discover
	{6200, 6299, 16, 19},                                             // UnionPay
	{6300, 6399, 16, 16}, {6304, 6304, 16, 19}, {6360, 6369, 16, 19}, // InstaPayment; Maestro; InterPayment
	{6440, 6599, 16, 19},                                             // Discover, RuPay, Troy
	{6700, 6799, 16, 16}, {6759, 6759, 16, 19}, {6761, 6767, 16, 19}, // Maestro
	{8100, 8299, 16, 16}, {8600, 8600, 16, 16}, {9704, 9704, 16, 16}, // RuPay, UzCard, Napas
	{9704, 9704, 19, 19}, {9792, 9792, 16, 16}, {9860, 9860, 16, 16}, // Napas, Troy, Humo
}

func isCard(number string) bool {
	n := len(number)
	if n < minCardDigits {
		return false
	}
	prefix, _ := strconv.Atoi(number[:4]) // digits
	for _, issuer := range issuers {
		if prefix >= issuer.low && prefix <= issuer.high && n >= issuer.shortest && n <= issuer.longest {
			return luhn(number) && !isGTIN13(number)
		}
	}
	return false
}

func luhn(number string) bool {
	sum := 0
	for i := range len(number) {
		n := int(number[i] - '0')
		if (len(number)-i)%2 == 0 {
			n *= 2
			if n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// isGTIN13 reports whether the number has the check digit of a product (GS1 General Specifications, section 7.9). Visa
// numbers of 13 digits, which look the same, have not been issued for decades.
func isGTIN13(number string) bool {
	if len(number) != 13 {
		return false
	}
	sum := 0
	for i := range len(number) {
		sum += int(number[i]-'0') * (1 + 2*(i%2))
	}
	return sum%10 == 0
}

// token is a run of letters and digits: letters in upper case, digits in ASCII.
type token struct {
	chars string
	// gap is the number of characters between the previous token and this one. plain: all of them are blanks, dashes or
	// dots.
	gap   int
	plain bool
	// before is the last character before it, or 0.
	before rune
}

// tokens splits a text into tokens. It drops characters without a width: format characters, and marks that change the look
// of the digit before them.
func tokens(s string) []token {
	var all []token
	var current strings.Builder
	next := token{plain: true}
	end := func() {
		if current.Len() > 0 {
			next.chars = current.String()
			all = append(all, next)
			current.Reset()
			next = token{plain: true}
		}
	}
	for _, r := range s {
		digit, isDigit := digitOf(r)
		switch {
		case isDigit:
			current.WriteByte('0' + digit)
		case unicode.IsLetter(r):
			current.WriteRune(unicode.ToUpper(r))
		case unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me):
		default:
			end()
			next.gap++
			next.plain = next.plain && (r == '.' || unicode.IsSpace(r) || unicode.Is(unicode.Pd, r))
			next.before = r
		}
	}
	end()
	return all
}

// digitGroups returns the digits of all tokens that may be part of a card's number.
func digitGroups(all []token) []digitGroup {
	var groups []digitGroup
	open := false // the previous token ended with a digit
	for i := 0; i < len(all); i++ {
		t := all[i]
		if n := ibanAt(all[i:]); n > 0 {
			i += n - 1
			open = false
			continue
		}
		if isHexToken(t.chars) {
			if open && t.before == ':' {
				groups[len(groups)-1].besideHex = true
			}
			open = false
			continue
		}
		for at := 0; at < len(t.chars); {
			end := at + runLength(t.chars[at:])
			if end == at {
				at++
				open = false
				continue
			}
			g := digitGroup{digits: t.chars[at:end]}
			if at == 0 {
				g.joined, g.plain, g.before = open && t.gap <= maxSeparators, t.plain, t.before
				g.besideHex = t.before == ':' && i > 0 && isHexToken(all[i-1].chars)
			}
			groups = append(groups, g)
			open, at = true, end
		}
	}
	return groups
}

// runLength returns the number of leading digits of s.
func runLength(s string) int {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return i
		}
	}
	return len(s)
}

// isHexToken reports whether digits and the letters A to F alternate more than once, as in UUIDs and hashes. A word next to
// a number does not make it one.
func isHexToken(chars string) bool {
	runs, letters, inDigits := 0, false, false
	for i := range len(chars) {
		c := chars[i]
		digit := c >= '0' && c <= '9'
		if !digit && (c < 'A' || c > 'F') {
			return false
		}
		if digit && !inDigits {
			runs++
		}
		letters = letters || !digit
		inDigits = digit
	}
	return letters && runs > 1
}

// ibanAt returns the number of leading tokens that form an IBAN (ISO 13616): a country, two check digits, and up to 30 more
// characters, in groups or not. 0: none.
func ibanAt(all []token) int {
	chars := all[0].chars
	if len(chars) < 4 || !isCapital(chars[0]) || !isCapital(chars[1]) || runLength(chars[2:]) < 2 {
		return 0
	}
	chars, count := "", 0
	for i, t := range all {
		if i > 0 && (t.gap > 1 || !t.plain) {
			break
		}
		if chars += t.chars; len(chars) > 34 {
			break
		}
		if len(chars) >= 15 && ibanChecks(chars) {
			count = i + 1
		}
	}
	return count
}

func isCapital(c byte) bool { return c >= 'A' && c <= 'Z' }

// ibanChecks checks an IBAN: with its first four characters moved to the end and letters as 10 to 35, it is 1 modulo 97.
func ibanChecks(chars string) bool {
	rest := 0
	for _, c := range []byte(chars[4:] + chars[:4]) {
		switch {
		case isCapital(c):
			rest = (rest*100 + int(c-'A') + 10) % 97
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		default:
			return false
		}
	}
	return rest == 1
}

// digitOf returns the value of a decimal digit of any script. Each script has its ten in a row (Unicode standard, section
// 4.6).
func digitOf(r rune) (value byte, ok bool) {
	if r <= unicode.MaxASCII {
		return byte(r - '0'), r >= '0' && r <= '9'
	}
	for _, block := range unicode.Nd.R16 {
		if r >= rune(block.Lo) && r <= rune(block.Hi) {
			return byte((r - rune(block.Lo)) % 10), true
		}
	}
	for _, block := range unicode.Nd.R32 {
		if r >= rune(block.Lo) && r <= rune(block.Hi) {
			return byte((r - rune(block.Lo)) % 10), true
		}
	}
	return 0, false
}
