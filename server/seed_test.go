package main

import (
	"io"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

func TestSeed(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		url := postgrestest.URL(t)
		var said strings.Builder
		if err := run(t.Context(), []string{"seed", "--orders", "15"}, []string{"DATABASE_URL=" + url}, &said, io.Discard); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(said.String(), "15 of 15 orders") {
			t.Errorf("it said %q", said.String())
		}
		app := startApp(t, url)
		token, _ := tokenFor(t, app.URL(), "seed-0", "CUSTOMER", 3600)
		var answer struct {
			Data struct {
				Orders struct {
					Nodes []struct {
						Version int
						Lines   []struct{ Product struct{ SKU string } }
						Events  struct{ Nodes []struct{ Type string } }
					}
				}
			}
		}
		const orders = `{"query":"{ orders(first: 20) { nodes { version lines { product { sku } } events(first: 5) { nodes { type } } } } }"}`
		if err := (&client{url: app.URL(), token: token}).post(t.Context(), "/graphql", orders, &answer); err != nil {
			t.Fatal(err)
		}
		nodes := answer.Data.Orders.Nodes
		if len(nodes) != 15 {
			t.Fatalf("%d orders", len(nodes))
		}
		for _, n := range nodes {
			if n.Version != 1 || len(n.Events.Nodes) != 1 || n.Lines[0].Product.SKU == "" {
				t.Errorf("%+v", n)
			}
		}
	})
	t.Run("ErrNotDev", func(t *testing.T) {
		t.Parallel()
		err := run(t.Context(), []string{"seed", "--orders", "1"}, []string{
			"DATABASE_URL=postgres://nobody@127.0.0.1:1/none", "AUTH_MODE=oidc", "OIDC_ISSUER=http://127.0.0.1:1", "OIDC_AUDIENCE=x",
		}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "--force") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ErrArguments", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{{"seed"}, {"seed", "--orders", "0"}, {"seed", "--orders", "1", "more"}} {
			if err := run(t.Context(), args, nil, io.Discard, io.Discard); err == nil {
				t.Errorf("%q was accepted", args)
			}
		}
	})
}
