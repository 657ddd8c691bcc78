package postgres_test

import (
	"testing"

	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// Every connection gives up by itself: facts that hold in the database, not only in the URL.
func TestOpenBoundsWhatMayHang(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	for setting, want := range map[string]string{
		"statement_timeout": "20s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "10s", "TimeZone": "UTC",
	} {
		var got string
		if err := db.API.GetContext(t.Context(), &got, `SHOW `+setting); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %s", setting, got, err, want)
		}
	}
	if most := db.API.Stats().MaxOpenConnections; most == 0 {
		t.Error("the pool has no bound")
	}
}
