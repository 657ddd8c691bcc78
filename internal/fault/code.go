package fault

// Code names what went wrong, for programs. A top-level error carries one of the constants below in extensions.code;
// a user error carries a value of its mutation's error enum (PRODUCT_NOT_FOUND, CONFLICT, …). Those are declared in codes.generated.go
// from the schema.
type Code string

// The codes of top-level errors, as the schema documents them.
const (
	// Unauthenticated: no valid session. Sign in and try again.
	Unauthenticated Code = "UNAUTHENTICATED"
	// Forbidden: the session is valid and its role may not do this.
	Forbidden Code = "FORBIDDEN"
	// NotFound is used only where null cannot say it: subscribing to an order one may not see.
	NotFound Code = "NOT_FOUND"
	// BadUserInput: an argument is wrong in shape, such as a malformed id or first above 100.
	BadUserInput Code = "BAD_USER_INPUT"
	// InvalidCursor: a paging or event cursor is malformed, of the wrong kind or of another order.
	InvalidCursor Code = "INVALID_CURSOR"
	// ParseFailed: the document is not GraphQL.
	ParseFailed Code = "GRAPHQL_PARSE_FAILED"
	// ValidationFailed: the document does not fit the schema.
	ValidationFailed Code = "GRAPHQL_VALIDATION_FAILED"
	// DocumentTooLarge: the body or its number of tokens is above the limit.
	DocumentTooLarge Code = "DOCUMENT_TOO_LARGE"
	// DocumentTooComplex: the document is nested, aliased or expanded beyond the limit.
	DocumentTooComplex Code = "DOCUMENT_TOO_COMPLEX"
	// CostExceeded: the operation would cost more than one request may.
	CostExceeded Code = "COST_EXCEEDED"
	// AnswerTooLarge: the answer would be larger than one may be; ask for less.
	AnswerTooLarge Code = "ANSWER_TOO_LARGE"
	// RateLimited: too many requests; wait and try again.
	RateLimited Code = "RATE_LIMITED"
	// PersistedQueryNotFound: the server does not know this hash; send the query with it.
	PersistedQueryNotFound Code = "PERSISTED_QUERY_NOT_FOUND"
	// TooManySubscriptions: this socket has as many active operations as it may have.
	TooManySubscriptions Code = "TOO_MANY_SUBSCRIPTIONS"
	// Unavailable: a part we depend on does not answer; the same request may succeed later.
	Unavailable Code = "UNAVAILABLE"
	// Internal: a defect of ours. The client gets a request id and no detail.
	Internal Code = "INTERNAL"
)
