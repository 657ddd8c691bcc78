package postgres

// What the reconciler's lists read, for a look at their plans.
const (
	ReconcileAtRest    = booksQuery + booksAtRest
	ReconcileDiffering = booksQuery + booksDiffering
	ReconcileUnknown   = unknownQuery
	InboxClaim         = claimQuery
)
