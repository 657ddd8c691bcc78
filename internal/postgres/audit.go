package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/pagination"
)

var _ audit.Trail = (*Store)(nil)

// AuditTrail implements audit.Trail.
func (s *Store) AuditTrail(ctx context.Context, p auth.Principal, r pagination.Request) (pagination.Result[*audit.Entry], error) {
	if err := auth.RequireStaff(p); err != nil {
		return pagination.Result[*audit.Entry]{}, err
	}
	var q query
	newestFirst(&q, "id", r)
	var rows [][]byte
	err := s.db.all(ctx, p, &rows, `SELECT record_send(ROW(`+auditTable.From("a")+`)) FROM audit_entries a WHERE `+q.where()+
		fmt.Sprintf(` ORDER BY id DESC LIMIT %d`, r.Limit+1), q.args...)
	if err != nil {
		return pagination.Result[*audit.Entry]{}, err
	}
	entries := make([]*audit.Entry, len(rows))
	for i, row := range rows {
		if entries[i], err = readAudit(row); err != nil {
			return pagination.Result[*audit.Entry]{}, err
		}
	}
	return pagination.Cut(r, entries), nil
}

func readAudit(raw []byte) (*audit.Entry, error) {
	r, err := newRecord(raw)
	if err != nil {
		return nil, err
	}
	e := &audit.Entry{}
	auditTable.read(r, e)
	return e, r.end()
}

// addAudit records what the transaction does; nil is nothing.
func addAudit(ctx context.Context, tx *sqlx.Tx, entries ...*audit.Entry) error {
	entries = slices.DeleteFunc(entries, func(e *audit.Entry) bool { return e == nil })
	if len(entries) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO audit_entries (`+auditTable.Names()+`) SELECT * FROM unnest(`+auditTable.Arrays(1)+`)`, auditArgs(entries...)...)
	return err
}

// auditArgs are the parameters of auditTable.Arrays: no row for nil.
func auditArgs(entries ...*audit.Entry) []any {
	arrays := auditTable.arrays(len(entries))
	for _, entry := range entries {
		if entry != nil {
			auditTable.appendTo(arrays, entry)
		}
	}
	return argsOf(arrays)
}
