// Package gqlrequest parses GraphQL requests for all transports: a JSON object or a URL's query, with query, operationName,
// variables and extensions as "GraphQL over HTTP" defines them (https://graphql.github.io/graphql-over-http/draft/, sections
// 5.1 to 5.3), and documentId (its appendix A, Persisted Documents). Anything else is refused before the document is parsed.
package gqlrequest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/orderwire/orderwire/internal/fault"
)

// DocumentID is the key of a request's documentId in RawParams.Extensions, since RawParams has no field for it. A client's
// extensions cannot contain this key.
const DocumentID = "\x00documentId"

// Error is a refused request.
type Error struct {
	// Status is the HTTP status of the answer.
	Status int
	// Header has headers of the answer, such as Accept-Encoding. Nil: none.
	Header http.Header
	// Fault is the error for the client.
	Fault *fault.Error
}

func (e *Error) Error() string { return e.Fault.Error() }

func bad(message string) *Error {
	return &Error{Status: http.StatusBadRequest, Fault: fault.New(fault.BadUserInput, message)}
}

// Post parses the body of a POST. The body must be JSON in UTF-8, uncompressed, and within the limit of an
// http.MaxBytesReader around it. Its Content-Type must say JSON, which a page cannot send to a foreign origin without a
// preflight. The error is an *Error.
func Post(r *http.Request) (*graphql.RawParams, error) {
	mediaType, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := parameters["charset"]; err != nil || len(r.Header.Values("Content-Type")) > 1 || mediaType != "application/json" || (charset != "" && !strings.EqualFold(charset, "utf-8")) {
		return nil, &Error{
			Status: http.StatusUnsupportedMediaType,
			Fault:  fault.New(fault.BadUserInput, "Send the request as application/json, in UTF-8."),
		}
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, &Error{ // a small body could decompress to a large one; RFC 9110 section 15.5.16
			Status: http.StatusUnsupportedMediaType,
			Header: http.Header{"Accept-Encoding": {"identity"}},
			Fault:  fault.New(fault.BadUserInput, "Send the request without Content-Encoding."),
		}
	}
	start := graphql.Now()
	body, err := io.ReadAll(r.Body)
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, &Error{
			Status: http.StatusRequestEntityTooLarge,
			Fault:  fault.New(fault.DocumentTooLarge, "The request is larger than "+strconv.FormatInt(large.Limit, 10)+" bytes."),
		}
	}
	if busy, ok := errors.AsType[*fault.Error](err); ok {
		return nil, &Error{Status: http.StatusTooManyRequests, Fault: busy} // from addresslimit.Bodies
	}
	if err != nil {
		return nil, bad("The request body is incomplete.")
	}
	params, err := JSON(body)
	if err != nil {
		return nil, err
	}
	params.Headers = r.Header
	params.ReadTime = graphql.TraceTiming{Start: start, End: graphql.Now()}
	return params, nil
}

// Get parses the query of a GET's URL. The error is an *Error.
func Get(r *http.Request) (*graphql.RawParams, error) {
	start := graphql.Now()
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, bad("The URL's query is malformed.")
	}
	params := &graphql.RawParams{Headers: r.Header}
	documentID := ""
	for name, value := range values {
		if !known(name) {
			continue
		}
		if len(value) > 1 {
			return nil, twice(name)
		}
		if !utf8.ValidString(value[0]) {
			return nil, errUTF8
		}
		switch name {
		case "query":
			params.Query = value[0]
		case "operationName":
			params.OperationName = value[0]
		case "documentId":
			documentID = value[0]
		case "variables":
			params.Variables, err = objectText(name, value[0])
		case "extensions":
			params.Extensions, err = objectText(name, value[0])
		}
		if err != nil {
			return nil, err
		}
	}
	params.ReadTime = graphql.TraceTiming{Start: start, End: graphql.Now()}
	return finish(params, documentID)
}

// JSON parses one request from a body or a message, in one pass. Numbers keep their digits. The error is an *Error.
func JSON(body []byte) (*graphql.RawParams, error) {
	params := &graphql.RawParams{ReadTime: graphql.TraceTiming{Start: graphql.Now()}}
	if !utf8.Valid(body) {
		return nil, errUTF8
	}
	d := newDecoder(body)
	// All others are refused.
	//exhaustive:ignore
	switch d.PeekKind() {
	case '{':
	case '[':
		return nil, bad("Batches are not supported: send each operation in a request of its own.")
	case jsontext.KindInvalid:
		return nil, errNotJSON
	default:
		return nil, bad("A request is a JSON object with a query.")
	}
	documentID, err := members(d, params)
	if err != nil {
		return nil, err
	}
	if !ended(d) {
		return nil, bad("The body has data after the JSON object of the request.")
	}
	params.ReadTime.End = graphql.Now()
	return finish(params, documentID)
}

// newDecoder returns a decoder with the rules of encoding/json: the last of equal names counts, and half a surrogate pair is
// U+FFFD.
func newDecoder(text []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

func ended(d *jsontext.Decoder) bool {
	_, err := d.ReadToken()
	return errors.Is(err, io.EOF)
}

// members parses the members of the next object. Each exact name may occur once, because two parsers of the same request
// must not see two different queries. Other names are ignored, as section 5.3 asks.
func members(d *jsontext.Decoder, params *graphql.RawParams) (documentID string, err error) {
	if _, err := d.ReadToken(); err != nil {
		return "", errNotJSON
	}
	seen := make([]string, 0, 5)
	for {
		token, err := d.ReadToken()
		switch {
		case err != nil:
			return "", errNotJSON
		case token.Kind() == '}':
			return documentID, nil
		}
		name := token.String()
		if !known(name) {
			if d.SkipValue() != nil {
				return "", errNotJSON
			}
			continue
		}
		if slices.Contains(seen, name) {
			return "", twice(name)
		}
		seen = append(seen, name)
		switch name {
		case "query":
			params.Query, err = text(d, name)
		case "operationName":
			params.OperationName, err = text(d, name)
		case "documentId":
			documentID, err = text(d, name)
		case "variables":
			params.Variables, err = object(d, name)
		case "extensions":
			params.Extensions, err = object(d, name)
		}
		if err != nil {
			return "", err
		}
	}
}

func known(name string) bool {
	switch name {
	case "query", "operationName", "documentId", "variables", "extensions":
		return true
	default:
		return false
	}
}

func finish(params *graphql.RawParams, documentID string) (*graphql.RawParams, error) {
	delete(params.Extensions, DocumentID)
	switch {
	case documentID != "" && params.Query != "":
		return nil, bad("Send query or documentId, not both.")
	case documentID != "":
		if params.Extensions == nil {
			params.Extensions = map[string]any{}
		}
		params.Extensions[DocumentID] = documentID
	case params.Query == "" && params.Extensions["persistedQuery"] == nil:
		return nil, bad("The request has no query.")
	}
	return params, nil
}

var (
	errNotJSON = bad("The request is not JSON.")
	errUTF8    = bad("The request is not UTF-8.")
)

func twice(name string) *Error { return bad(name + " is given twice.") }

// text parses a string; null is none.
func text(d *jsontext.Decoder, name string) (string, error) {
	token, err := d.ReadToken()
	switch {
	case err != nil:
		return "", errNotJSON
	case token.Kind() == '"':
		return token.String(), nil
	case token.Kind() == 'n':
		return "", nil
	default:
		return "", bad(name + " is not a string.")
	}
}

// object parses a JSON object; null is none.
func object(d *jsontext.Decoder, name string) (map[string]any, error) {
	// All others are refused.
	//exhaustive:ignore
	switch d.PeekKind() {
	case '{', 'n':
		v, err := value(d)
		members, _ := v.(map[string]any)
		return members, err
	case jsontext.KindInvalid:
		return nil, errNotJSON
	default:
		return nil, bad(name + " is not a JSON object.")
	}
}

// objectText parses the text of an object; null or an empty text is none.
func objectText(name, text string) (map[string]any, error) {
	if text == "" {
		return nil, nil
	}
	d := newDecoder([]byte(text))
	members, err := object(d, name)
	if err != nil || !ended(d) {
		return nil, bad(name + " is not a JSON object.")
	}
	return members, nil
}

// value parses any value, as encoding/json does with Decoder.UseNumber.
func value(d *jsontext.Decoder) (any, error) {
	token, err := d.ReadToken()
	if err != nil {
		return nil, errNotJSON
	}
	// All others are no values.
	//exhaustive:ignore
	switch token.Kind() {
	case '"':
		return token.String(), nil
	case 'n':
		return nil, nil
	case '0':
		return json.Number(token.String()), nil
	case 't', 'f':
		return token.Bool(), nil
	case '[':
		list := []any{}
		for d.PeekKind() != ']' {
			element, err := value(d)
			if err != nil {
				return nil, err
			}
			list = append(list, element)
		}
		return list, closed(d)
	case '{':
		object := map[string]any{}
		for d.PeekKind() != '}' {
			name, err := d.ReadToken()
			if err != nil {
				return nil, errNotJSON
			}
			member := name.String() // before the next read
			if object[member], err = value(d); err != nil {
				return nil, err
			}
		}
		return object, closed(d)
	default:
		return nil, errNotJSON
	}
}

// closed parses the end of an array or an object.
func closed(d *jsontext.Decoder) error {
	if _, err := d.ReadToken(); err != nil {
		return errNotJSON
	}
	return nil
}
