package postgres

import (
	"strconv"
	"strings"

	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/pagination"
)

// query collects the conditions of a list whose filters are optional. Values are always parameters.
type query struct {
	conditions []string
	args       []any
}

// and adds a condition with a ? for each value.
func (q *query) and(condition string, values ...any) {
	q.conditions = append(q.conditions, q.with(condition, values...))
}

// with is a condition with its values added to the parameters. It is not among the query's own conditions.
func (q *query) with(condition string, values ...any) string {
	for _, v := range values {
		q.args = append(q.args, v)
		condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(q.args)), 1)
	}
	return condition
}

func (q *query) where() string {
	if len(q.conditions) == 0 {
		return "true"
	}
	return strings.Join(q.conditions, " AND ")
}

// likePattern finds s anywhere, with LIKE's own characters taken literally.
func likePattern(s string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s) + "%"
}

func stringsOf[T ~string](values []T) pq.StringArray {
	out := make(pq.StringArray, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// newestFirst bounds a list that is read by descending id and only forward.
func newestFirst(q *query, column string, r pagination.Request) {
	if r.After.Valid {
		q.and(column+` < ?`, r.After.ID)
	}
}
