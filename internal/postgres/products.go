package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/product"
)

// productColumns end with xmin, PostgreSQL's number of the transaction that wrote the row: it is another one after each change, one
// by hand included.
const productColumns = `id, sku, name, description, price_minor, currency, image, archived_at, xmin::text::bigint AS revision`

type productRow struct {
	ID          id.Product `db:"id"`
	SKU         string     `db:"sku"`
	Name        string     `db:"name"`
	Description string     `db:"description"`
	PriceMinor  int64      `db:"price_minor"`
	Currency    string     `db:"currency"`
	Image       *string    `db:"image"`
	ArchivedAt  *time.Time `db:"archived_at"`
	Revision    int64      `db:"revision"`
}

func (r *productRow) product() *product.Product {
	return &product.Product{
		ID: r.ID, SKU: r.SKU, Name: r.Name, Description: r.Description,
		Price: money.Amount{Minor: r.PriceMinor, Currency: r.Currency}, Image: r.Image, ArchivedAt: utc(r.ArchivedAt), Revision: r.Revision,
	}
}

// productWindow bounds the products that one page examines, as windowRows does for orders.
const productWindow = 5_000

// productWindowRow is a product of a page, if there is one, and where the page's window ended.
type productWindowRow struct {
	productRow
	Found   bool       `db:"found"`
	Reached id.Product `db:"reached"`
	More    bool       `db:"more"`
}

// Products implements product.Store. Oldest first is by id, which sorts by time.
func (s *Store) Products(ctx context.Context, f product.Filter, r pagination.Request) (pagination.Result[*product.Product], error) {
	var base, narrow query
	base.and(`archived_at IS NULL`)
	if r.After.Valid {
		base.and(`id > ?`, r.After.ID)
	}
	if r.Before.Valid {
		base.and(`id < ?`, r.Before.ID)
	}
	narrow.args = base.args
	if f.Search != "" {
		pattern := likePattern(f.Search)
		narrow.and(`(name ILIKE ? OR sku ILIKE ?)`, pattern, pattern)
	}
	if f.Currency != "" {
		narrow.and(`currency = ?`, f.Currency)
	}
	direction := "ASC"
	if r.Backward {
		direction = "DESC"
	}
	if len(narrow.conditions) == 0 {
		return s.plainProducts(ctx, base, direction, r)
	}
	var rows []productWindowRow
	err := s.db.public(ctx, &rows, fmt.Sprintf(`
		WITH candidates AS MATERIALIZED (
			SELECT id FROM products WHERE %[1]s ORDER BY id %[2]s LIMIT %[3]d
		), examined AS MATERIALIZED (
			SELECT id FROM candidates ORDER BY id %[2]s LIMIT %[4]d
		), reached AS MATERIALIZED (
			SELECT coalesce((SELECT id FROM examined ORDER BY id %[5]s LIMIT 1), $%[6]d) AS reached,
				(SELECT count(*) FROM examined) < (SELECT count(*) FROM candidates) AS more
		), found AS (
			SELECT %[7]s FROM products WHERE id IN (SELECT id FROM examined) AND %[8]s ORDER BY id %[2]s LIMIT %[9]d
		)
		SELECT f.id IS NOT NULL AS found, reached.*, coalesce(f.id, $%[6]d) AS id, coalesce(f.sku, '') AS sku, coalesce(f.name, '') AS name,
			coalesce(f.description, '') AS description, coalesce(f.price_minor, 0) AS price_minor, coalesce(f.currency, '') AS currency,
			f.image, f.archived_at, coalesce(f.revision, 0) AS revision
		FROM reached LEFT JOIN found f ON true ORDER BY f.id %[2]s`,
		base.where(), direction, productWindow+1, productWindow, opposite(direction), len(narrow.args)+1, productColumns,
		narrow.where(), r.Limit+1), append(narrow.args, uuid.Nil)...)
	if err != nil {
		return pagination.Result[*product.Product]{}, err
	}
	products := make([]*product.Product, 0, len(rows))
	for i := range rows {
		if rows[i].Found {
			products = append(products, rows[i].product())
		}
	}
	result := pagination.Cut(r, products)
	if len(products) <= r.Limit && len(rows) > 0 && rows[0].More {
		result = pagination.Short(r, result, rows[0].Reached)
	}
	return result, nil
}

// plainProducts is Products without a filter: the page is read by the primary key alone.
func (s *Store) plainProducts(ctx context.Context, q query, direction string, r pagination.Request) (pagination.Result[*product.Product], error) {
	var rows []productRow
	err := s.db.public(ctx, &rows, `SELECT `+productColumns+` FROM products WHERE `+q.where()+
		fmt.Sprintf(` ORDER BY id %s LIMIT %d`, direction, r.Limit+1), q.args...)
	if err != nil {
		return pagination.Result[*product.Product]{}, err
	}
	products := make([]*product.Product, len(rows))
	for i := range rows {
		products[i] = rows[i].product()
	}
	return pagination.Cut(r, products), nil
}

// briefProductColumns are productColumns without the description.
var briefProductColumns = strings.Replace(productColumns, "description", "'' AS description", 1)

// ProductsByID implements product.Store.
func (s *Store) ProductsByID(ctx context.Context, ids []id.Product) (map[id.Product]*product.Product, error) {
	return s.productsByID(ctx, productColumns, ids)
}

// BriefProductsByID implements product.Store.
func (s *Store) BriefProductsByID(ctx context.Context, ids []id.Product) (map[id.Product]*product.Product, error) {
	return s.productsByID(ctx, briefProductColumns, ids)
}

func (s *Store) productsByID(ctx context.Context, columns string, ids []id.Product) (map[id.Product]*product.Product, error) {
	byID, err := s.db.prepared(ctx, `SELECT `+columns+` FROM products WHERE id = ANY((SELECT $1::uuid[])::uuid[])`) //nolint:sqlclosecheck // it is kept
	if err != nil {
		return nil, err
	}
	var rows []productRow
	if err := byID.SelectContext(ctx, &rows, uuidArray(ids)); err != nil {
		return nil, err
	}
	found := make(map[id.Product]*product.Product, len(rows))
	for i := range rows {
		found[rows[i].ID] = rows[i].product()
	}
	return found, nil
}

// UpsertProduct implements product.Store. It is idempotent by the SKU; what changes nothing is not audited.
func (s *Store) UpsertProduct(ctx context.Context, p auth.Principal, in product.Product) (*product.Product, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	var row productRow
	err := s.db.tx(ctx, p, func(tx *sqlx.Tx) error {
		var was *productRow
		switch err := tx.GetContext(ctx, &row, `SELECT `+productColumns+` FROM products WHERE sku = $1 FOR NO KEY UPDATE`, in.SKU); {
		case err == nil:
			before := row
			was = &before
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		err := tx.GetContext(ctx, &row, `
			INSERT INTO products AS p (id, sku, name, description, price_minor, currency, image)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (sku) DO UPDATE SET
				name = EXCLUDED.name, description = EXCLUDED.description, price_minor = EXCLUDED.price_minor,
				currency = EXCLUDED.currency, image = EXCLUDED.image, archived_at = NULL, updated_at = now()
			RETURNING `+productColumns,
			in.ID, in.SKU, in.Name, in.Description, in.Price.Minor, in.Price.Currency, in.Image)
		if err != nil {
			return err
		}
		detail := productChanges(was, &row)
		if detail == "" {
			return nil
		}
		return addAudit(ctx, tx, audit.New(s.clock.Now(), p, "product.upsert", row.ID, detail))
	})
	if err != nil {
		return nil, err
	}
	return row.product(), nil
}

// productChanges describes the changes of a product for the audit trail. was is nil for a new product. It returns "" for a no-op.
func productChanges(was, is *productRow) string {
	price := is.product().Price
	if was == nil {
		return "new, " + price.Decimal() + " " + price.Currency
	}
	var changes []string
	if before := was.product().Price; before != price {
		changes = append(changes, "price "+before.Decimal()+" "+before.Currency+" to "+price.Decimal()+" "+price.Currency)
	}
	for name, changed := range map[string]bool{
		"name":          was.Name != is.Name,
		"description":   was.Description != is.Description,
		"image":         (was.Image == nil) != (is.Image == nil) || was.Image != nil && *was.Image != *is.Image,
		"offered again": was.ArchivedAt != nil,
	} {
		if changed {
			changes = append(changes, name)
		}
	}
	slices.Sort(changes)
	return strings.Join(changes, ", ")
}

// ArchiveProduct implements product.Store.
func (s *Store) ArchiveProduct(ctx context.Context, p auth.Principal, productID id.Product) (*product.Product, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	var row productRow
	err := s.db.tx(ctx, p, func(tx *sqlx.Tx) error {
		err := tx.GetContext(ctx, &row, `SELECT `+productColumns+` FROM products WHERE id = $1 FOR NO KEY UPDATE`, productID)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return fault.New(fault.NotFound, "There is no such product.")
		case err != nil || row.ArchivedAt != nil:
			return err
		}
		err = tx.GetContext(ctx, &row, `
			UPDATE products SET archived_at = now(), updated_at = now() WHERE id = $1 RETURNING `+productColumns, productID)
		if err != nil {
			return err
		}
		return addAudit(ctx, tx, audit.New(s.clock.Now(), p, "product.archive", productID, row.SKU))
	})
	if err != nil {
		return nil, err
	}
	return row.product(), nil
}

// SeedProducts adds the products whose SKU is not there yet, and changes nothing else.
func (s *Store) SeedProducts(ctx context.Context, products []product.Product) error {
	for _, p := range products {
		_, err := s.db.db.ExecContext(ctx, `
			INSERT INTO products (id, sku, name, description, price_minor, currency, image)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (sku) DO NOTHING`,
			p.ID, p.SKU, p.Name, p.Description, p.Price.Minor, p.Price.Currency, p.Image)
		if err != nil {
			return fmt.Errorf("seed product %s: %w", p.SKU, err)
		}
	}
	return nil
}
