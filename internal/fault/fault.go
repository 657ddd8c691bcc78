// Package fault has the errors that clients see: a code for programs and a message that is safe to show.
//
// There are two families. A top-level error (New, Wrap) means the request could not be answered: it is wrong in shape,
// not permitted, or something broke; it is reported in "errors" with extensions.code. A user error (User) means the
// request was understood and the domain refuses it: it is reported in the mutation's userErrors with the path of the
// input it concerns. Any other error is a defect and reaches the client as INTERNAL without detail.
//
// Message is written for the client. A wrapped cause is for the log alone and never part of the response.
package fault

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// Error is one refusal.
type Error struct {
	// Code is for programs.
	Code Code
	// Message is a sentence for people. It is safe: no SQL, no token, no other customer's data.
	Message string
	// Field is the path of the input a user error concerns, such as ["input", "items", "0", "productId"]; list
	// positions are decimal numbers. Nil: no single input is to blame.
	Field []string
	// Extensions are additional extensions of a top-level error, such as retryAfter. May be nil.
	Extensions map[string]any
	// user is true in the family of user errors.
	user bool
	// cause is for logs only.
	cause error
}

// New is a top-level error.
func New(code Code, message string) *Error {
	return &Error{Code: code, Message: message}
}

// Wrap is a top-level error with a cause. The client sees the message, the log sees the cause too.
// A nil cause is allowed.
func Wrap(cause error, code Code, message string) *Error {
	return &Error{Code: code, Message: message, cause: cause}
}

// User is a user error: the domain refuses the input at the given path. Without a path, no single input is to blame.
func User(code Code, message string, field ...string) *Error {
	return &Error{Code: code, Message: message, Field: slices.Clone(field), user: true}
}

// WithCause returns a copy of e with the cause for logs.
func (e *Error) WithCause(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// With returns a copy of e that shows value, which must be safe and plain JSON, under key in its extensions.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Extensions = maps.Clone(e.Extensions)
	if c.Extensions == nil {
		c.Extensions = map[string]any{}
	}
	c.Extensions[key] = value
	return &c
}

// IsUser tells whether e belongs into a mutation's userErrors.
func (e *Error) IsUser() bool { return e.user }

// Error is for logs: it includes the cause. Show Message to clients.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if len(e.Field) > 0 {
		b.WriteString(" at ")
		b.WriteString(strings.Join(e.Field, "."))
	}
	b.WriteString(": ")
	b.WriteString(e.Message)
	if e.cause != nil {
		b.WriteString(": ")
		b.WriteString(e.cause.Error())
	}
	return b.String()
}

// Unwrap gives the cause, so that errors.Is and errors.As see through.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is compare by code and family, so that fault.New(fault.NotFound, "") matches any top-level NOT_FOUND.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.user == e.user
}

// List is several user errors reported together, so that a client can mark every bad item at once.
// An empty List is no error: end a validation with Err.
type List []*Error

// Add appends user errors.
func (l *List) Add(errs ...*Error) { *l = append(*l, errs...) }

// Err is nil for an empty list, else the list. It spares callers the typed nil.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// Error is for logs.
func (l List) Error() string {
	parts := make([]string, len(l))
	for i, e := range l {
		parts[i] = e.Error()
	}
	return strings.Join(parts, "; ")
}

// Unwrap gives the members, so that errors.Is and errors.As see each.
func (l List) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// CodeOf is the code of the first fault in err's chain: Internal for an error that is no fault, empty for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// UserErrors returns the user errors in err's chain, in their order, and true if err consists of nothing else: a mutation reports
// them in its payload. Otherwise it returns false, and the caller returns err unchanged.
func UserErrors(err error) ([]*Error, bool) {
	var list List
	if errors.As(err, &list) {
		for _, e := range list {
			if !e.user {
				return nil, false
			}
		}
		return list, len(list) > 0
	}
	var e *Error
	if errors.As(err, &e) && e.user {
		return []*Error{e}, true
	}
	return nil, false
}
