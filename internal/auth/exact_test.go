package auth_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/auth/oidctest"
	"github.com/orderwire/orderwire/internal/fault"
)

// signText signs a header and claims as they are written: the issuer's signature is right whatever they say.
func signText(t *testing.T, issuer *oidctest.Issuer, header, claims string) string {
	t.Helper()
	private, _ := issuer.Key()
	head := encode(header) + "." + encode(claims)
	sum := sha256.Sum256([]byte(head))
	signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return head + "." + encode(string(signature))
}

// Each token is signed by the issuer and read in two ways by two programs, or has a claim in a form that its document does not
// allow (RFC 7515, 7519, 9068, 8417; OpenID Connect Core and Back-Channel Logout).
func TestOIDCErrExact(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	now := time.Now().Truncate(time.Second)
	shop := verifier(t, issuer.URL, func(cfg *auth.OIDCConfig) { cfg.ClientID = "shop" }).At(func() time.Time { return now })
	anyClient := verifier(t, issuer.URL, nil).At(func() time.Time { return now })
	_, keyID := issuer.Key()
	goodHeader := `{"alg":"RS256","kid":"` + keyID + `","typ":"at+jwt"}`
	text, err := json.Marshal(issuer.Claims("ada", now))
	if err != nil {
		t.Fatal(err)
	}
	claims := string(text)
	add := func(members string) string { return "{" + members + "," + claims[1:] }
	addLast := func(members string) string { return claims[:len(claims)-1] + "," + members + "}" }
	without := func(name string) map[string]any {
		c := issuer.Claims("ada", now)
		delete(c, name)
		return c
	}
	replaced := func(name string, value string) string {
		rest, err := json.Marshal(without(name))
		if err != nil {
			t.Fatal(err)
		}
		return `{"` + name + `":` + value + "," + string(rest)[1:]
	}
	if _, err := shop.Verify(t.Context(), signText(t, issuer, goodHeader, claims)); err != nil {
		t.Fatalf("the token that the others are made from: %v", err)
	}
	for _, o := range []*auth.OIDC{shop, anyClient} {
		if _, err := o.Verify(t.Context(), signText(t, issuer, goodHeader, add(`"azp":"shop","custom":{"a":1,"A":2}`))); err != nil {
			t.Fatalf("azp is the client: %v", err)
		}
	}
	bad := map[string][2]string{
		"role in capitals beside it":  {goodHeader, add(`"realm_access":{"roles":["buyer"]},"Realm_Access":{"roles":["STAFF"]}`)},
		"role in capitals":            {goodHeader, add(`"REALM_ACCESS":{"roles":["STAFF"]}`)},
		"role in capitals, inside":    {goodHeader, add(`"realm_access":{"Roles":["STAFF"]}`)},
		"role twice":                  {goodHeader, add(`"realm_access":{"roles":["buyer"]},"realm_access":{"roles":["STAFF"]}`)},
		"role twice, inside":          {goodHeader, add(`"realm_access":{"roles":["buyer"],"roles":["STAFF"]}`)},
		"subject twice":               {goodHeader, addLast(`"sub":"eve"`)},
		"subject twice, first":        {goodHeader, add(`"sub":"eve"`)},
		"subject twice, escaped":      {goodHeader, addLast(`"s\u0075b":"eve"`)},
		"subject in capitals":         {goodHeader, addLast(`"SUB":"eve"`)},
		"subject with a long s":       {goodHeader, addLast(`"ſub":"eve"`)},
		"issuer in capitals":          {goodHeader, addLast(`"Iss":"` + issuer.URL + `"`)},
		"audience in capitals":        {goodHeader, addLast(`"AUD":"` + oidctest.Audience + `"`)},
		"expiry in capitals":          {goodHeader, addLast(`"Exp":9999999999`)},
		"azp in capitals":             {goodHeader, add(`"AZP":"other"`)},
		"events in capitals":          {goodHeader, add(`"Events":{}`)},
		"hash in capitals":            {goodHeader, add(`"At_Hash":"x"`)},
		"duplicate that nobody reads": {goodHeader, add(`"custom":{"a":1,"a":2}`)},
		"foreign azp":                 {goodHeader, add(`"azp":"other"`)},
		"empty azp":                   {goodHeader, add(`"azp":""`)},
		"azp is a list":               {goodHeader, add(`"azp":["shop"]`)},
		"azp is null":                 {goodHeader, add(`"azp":null`)},
		"client is a number":          {goodHeader, replaced("client_id", "7")},
		"issuer is a list":            {goodHeader, replaced("iss", `["`+issuer.URL+`"]`)},
		"subject is a list":           {goodHeader, replaced("sub", `["ada"]`)},
		"subject is an object":        {goodHeader, replaced("sub", `{"id":"ada"}`)},
		"subject is null":             {goodHeader, replaced("sub", "null")},
		"audience is an object":       {goodHeader, replaced("aud", `{"`+oidctest.Audience+`":true}`)},
		"audience is a nested list":   {goodHeader, replaced("aud", `[["`+oidctest.Audience+`"]]`)},
		"audience has a null":         {goodHeader, replaced("aud", `["`+oidctest.Audience+`",null]`)},
		"audience has a number":       {goodHeader, replaced("aud", `["`+oidctest.Audience+`",7]`)},
		"audience is part of a word":  {goodHeader, replaced("aud", `"`+oidctest.Audience+` other"`)},
		"expiry is a list":            {goodHeader, replaced("exp", "[9999999999]")},
		"expiry is an object":         {goodHeader, replaced("exp", "{}")},
		"expiry is null":              {goodHeader, replaced("exp", "null")},
		"expiry is a number as text":  {goodHeader, replaced("exp", `"9999999999"`)},
		"expiry is true":              {goodHeader, replaced("exp", "true")},
		"not before is a text":        {goodHeader, replaced("nbf", `"0"`)},
		"logout token by its events":  {goodHeader, add(`"events":{"http://schemas.openid.net/event/backchannel-logout":{}}`)},
		"events of another kind":      {goodHeader, add(`"events":null`)},
		"claims are a list":           {goodHeader, "[" + claims + "]"},
		"two claim sets":              {goodHeader, claims + claims},
		"claims are not UTF-8":        {goodHeader, add(`"name":"` + "\xff" + `"`)},
		"typ is a number":             {strings.Replace(goodHeader, `"at+jwt"`, "7", 1), claims},
		"typ is a list":               {strings.Replace(goodHeader, `"at+jwt"`, `["at+jwt"]`, 1), claims},
		"typ is null":                 {strings.Replace(goodHeader, `"at+jwt"`, "null", 1), claims},
		"typ is empty":                {strings.Replace(goodHeader, `"at+jwt"`, `""`, 1), claims},
		"typ in capitals":             {strings.Replace(goodHeader, `"typ"`, `"Typ"`, 1), claims},
		"typ twice":                   {strings.Replace(goodHeader, "{", `{"typ":"logout+jwt",`, 1), claims},
		"typ of a logout token":       {strings.Replace(goodHeader, "at+jwt", "logout+jwt", 1), claims},
		"typ of an event":             {strings.Replace(goodHeader, "at+jwt", "application/secevent+jwt", 1), claims},
		"typ with a parameter":        {strings.Replace(goodHeader, "at+jwt", "at+jwt; a=b", 1), claims},
		"algorithm twice":             {strings.Replace(goodHeader, "{", `{"alg":"none",`, 1), claims},
		"algorithm in capitals":       {strings.Replace(goodHeader, "{", `{"Alg":"none",`, 1), claims},
		"crit":                        {strings.Replace(goodHeader, "{", `{"crit":["exp"],"exp":9999999999,`, 1), claims},
		"crit that jose knows":        {strings.Replace(goodHeader, "{", `{"crit":["b64"],"b64":true,`, 1), claims},
		"empty crit":                  {strings.Replace(goodHeader, "{", `{"crit":[],`, 1), claims},
		"crit is null":                {strings.Replace(goodHeader, "{", `{"crit":null,`, 1), claims},
		"crit in capitals":            {strings.Replace(goodHeader, "{", `{"Crit":["x"],`, 1), claims},
		"header is a list":            {"[" + goodHeader + "]", claims},
	}
	for name, parts := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := signText(t, issuer, parts[0], parts[1])
			for _, o := range []*auth.OIDC{shop, anyClient} {
				if p, err := o.Verify(t.Context(), token); fault.CodeOf(err) != fault.Unauthenticated || p != (auth.Principal{}) {
					t.Errorf("%+v, %v", p, err)
				}
			}
		})
	}
}

// The same holds for development tokens: a holder of a replica's key can write them in any form.
func TestDevErrExact(t *testing.T) {
	t.Parallel()
	dev, c := setup(t)
	sign := func(header, claims string) string {
		head := encode(header) + "." + encode(claims)
		signature, err := jwt.SigningMethodHS256.Sign(head, key)
		if err != nil {
			t.Fatal(err)
		}
		return head + "." + encode(string(signature))
	}
	const header = `{"alg":"HS256","typ":"JWT"}`
	claims := `{"iss":"orderwire-dev","sub":"ada","aud":["orderwire"],"role":"CUSTOMER","iat":1,"exp":` + json.Number(c.Add(time.Hour).Format("20060102")).String() + `00}`
	if _, err := dev.Verify(t.Context(), sign(header, claims)); err != nil {
		t.Fatalf("the token that the others are made from: %v", err)
	}
	for name, token := range map[string]string{
		"role twice":         sign(header, claims[:len(claims)-1]+`,"role":"STAFF"}`),
		"role in capitals":   sign(header, claims[:len(claims)-1]+`,"Role":"STAFF"}`),
		"only in capitals":   sign(header, strings.Replace(claims, `"role":"CUSTOMER"`, `"ROLE":"STAFF"`, 1)),
		"subject twice":      sign(header, claims[:len(claims)-1]+`,"sub":"eve"}`),
		"expiry in capitals": sign(header, claims[:len(claims)-1]+`,"EXP":99999999999}`),
		"role in lower case": sign(header, strings.Replace(claims, `CUSTOMER`, `customer`, 1)),
		"crit":               sign(`{"alg":"HS256","typ":"JWT","crit":["exp"]}`, claims),
		"typ is a number":    sign(`{"alg":"HS256","typ":7}`, claims),
		"typ of a logout":    sign(`{"alg":"HS256","typ":"logout+jwt"}`, claims),
		"algorithm twice":    sign(`{"alg":"none","alg":"HS256","typ":"JWT"}`, claims),
	} {
		p, err := dev.Verify(t.Context(), token)
		if fault.CodeOf(err) != fault.Unauthenticated || p != (auth.Principal{}) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// While the issuer's keys are not read again, a new key may or may not be the issuer's. So the client is told to retry, not to sign
// in again.
func TestOIDCKeyHeldBackIsUnavailable(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	o := verifier(t, issuer.URL, nil)
	if _, err := o.Verify(t.Context(), issuer.Token(t, "ada")); err != nil {
		t.Fatal(err)
	}
	auth.HoldBack(o)
	issuer.Rotate()
	for name, key := range map[string]jose.JSONWebKey{"with kid": signingKey(issuer), "without kid": {Key: signingKey(issuer).Key}} {
		token := oidctest.Sign(t, jose.RS256, key, issuer.Claims("ada", time.Now()), nil)
		if _, err := o.Verify(t.Context(), token); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("%s: a key that may be new: %v, want %s", name, err, fault.Unavailable)
		}
	}
}

func signingKey(issuer *oidctest.Issuer) jose.JSONWebKey {
	private, keyID := issuer.Key()
	return jose.JSONWebKey{Key: private, KeyID: keyID}
}
