package postgres

import "github.com/orderwire/orderwire/internal/stats"

// StatsQuery is the statement of Store.Stats and its parameters.
func StatsQuery(span stats.Span) (statement string, args []any) { return statsSQL, statsArgs(span) }
