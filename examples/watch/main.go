// Command watch signs in, places an order and prints its events until it is delivered. When the connection breaks, it reconnects
// and resumes after the last item that it received, so no event is lost or repeated.
//
//	go run ./examples/watch -url http://127.0.0.1:8080
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:8080", "the URL of the Orderwire server")
	user := flag.String("user", "ada", "the user to sign in; development sign-in accepts any name")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *url, *user); err != nil {
		fmt.Fprintln(os.Stderr, "watch:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, url, user string) error {
	var session struct{ Token string }
	if err := post(ctx, url+"/dev/token", "", map[string]any{"user": user, "role": "CUSTOMER"}, &session); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	orderID, err := order(ctx, url, session.Token)
	if err != nil {
		return fmt.Errorf("order: %w", err)
	}
	fmt.Println("ordered", orderID)

	w := &watch{url: url, token: session.Token, orderID: orderID}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := w.connect(ctx, func(u update) bool {
			wait = 100 * time.Millisecond // the connection works again
			if u.Event != nil {
				fmt.Println(u.Event.Version, u.Event.Type, u.Order.Status)
			} else {
				fmt.Println(u.Order.Version, u.Kind, u.Order.Status)
			}
			return u.Order.Status != "DELIVERED" && u.Order.Status != "CANCELLED"
		})
		if err == nil || errors.Is(err, errRefused) || ctx.Err() != nil {
			return err
		}
		fmt.Println("reconnecting:", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// order buys the first product. The idempotency key makes the request safe to repeat if its answer is lost.
func order(ctx context.Context, url, token string) (id string, err error) {
	var shop struct {
		Data struct {
			Products struct{ Nodes []struct{ ID string } }
		}
	}
	if err := post(ctx, url+"/graphql", token, map[string]any{"query": `{ products(first: 1) { nodes { id } } }`}, &shop); err != nil {
		return "", err
	}
	if len(shop.Data.Products.Nodes) == 0 {
		return "", errors.New("there is nothing to buy")
	}
	input := map[string]any{
		"idempotencyKey": rand.Text(),
		"items":          []any{map[string]any{"productId": shop.Data.Products.Nodes[0].ID, "quantity": 1}},
		"paymentMethod":  map[string]any{"token": "sim_approve"},
	}
	var created struct {
		Data struct {
			OrderCreate struct {
				Order      *struct{ ID string }
				UserErrors []struct{ Code, Message string }
			}
		}
	}
	err = post(ctx, url+"/graphql", token, map[string]any{
		"query":     `mutation ($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } userErrors { code message } } }`,
		"variables": map[string]any{"input": input},
	}, &created)
	switch result := created.Data.OrderCreate; {
	case err != nil:
		return "", err
	case result.Order == nil:
		return "", fmt.Errorf("refused: %+v", result.UserErrors)
	default:
		return result.Order.ID, nil
	}
}

// post sends JSON and decodes the JSON answer.
func post(ctx context.Context, url, token string, body, answer any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", strings.TrimPrefix(url, "http://"), response.Status)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
