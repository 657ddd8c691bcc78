package pgembed

// For the tests outside of the package.
var (
	CopyTree    = copyTree
	Candidates  = candidates
	Relocatable = relocatable
)
