package fault

import "fmt"

// ErrNewer says that a row holds a value that this version of the server does not know, such as a status or a type of event: a
// later version has written it, during an upgrade or before a downgrade. Its meaning is unknown, so nothing is decided from it and
// nothing of it is shown. The same request succeeds at a replica of the later version.
var ErrNewer = New(Unavailable, "A newer version of the server wrote this data. Try again.")

// Enum is a type with a fixed set of values.
type Enum interface {
	~string
	Valid() bool
}

// Known returns an error that wraps ErrNewer when the value is not one of its type's.
func Known[E Enum](value E) error {
	if value.Valid() {
		return nil
	}
	return fmt.Errorf("%q is no %T: %w", string(value), value, ErrNewer)
}
