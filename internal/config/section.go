package config

// Section has the settings of a part of the program that is chosen by its name: a pointer to a struct whose fields have Config's tags. A
// field's type may have the methods of form.
type Section interface {
	// Name chooses the part, as in PAYMENT_PROVIDER.
	Name() string
	// Kinds has the checks that the struct's kind tags ask for and Config's do not have. A check returns the problems of a value.
	Kinds() map[string]func(value string) []string
	// Check reports what makes the part unusable, or dangerous, with these settings together. It is called when the part is chosen. dev:
	// anyone can sign in as anyone.
	Check(dev bool, report func(format string, args ...any))
}

// form is a type that reads and checks itself. Its texts follow the variable's name and value.
type form interface {
	// Expected says in words what UnmarshalText reads.
	Expected() string
	// Problems returns the problems of the value.
	Problems() []string
}

func sectionNames(sections []Section) []string {
	names := make([]string, len(sections))
	for i, s := range sections {
		names[i] = s.Name()
	}
	return names
}
