package reconcile

// PageSize of the walk.
const PageSize = pageSize

// Turn makes one round, if one is due, so that tests need no clock.
var Turn = (*Reconciler).turn

// WalkTurn makes one round through the provider's charges, if one is due.
var WalkTurn = (*Walker).turn
