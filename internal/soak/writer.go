package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// user is somebody who is signed in.
type user struct {
	id, token string
}

// placed is an order that a writer has made.
type placed struct {
	id    string
	owner *user
}

// writer places orders and changes them, as their customer and as staff.
type writer struct {
	run   *run
	rng   *rand.Rand
	owner *user
	// recent orders of this writer, for later changes.
	recent []placed
}

const (
	createMutation = `mutation ($input: OrderCreateInput!) { change: orderCreate(input: $input) { order { id } userErrors { code } } }`
	cancelMutation = `mutation ($input: OrderCancelInput!) { change: orderCancel(input: $input) { order { id } userErrors { code } } }`
	deliver        = `mutation ($input: OrderDeliverInput!) { change: orderDeliver(input: $input) { order { id } userErrors { code } } }`
	retry          = `mutation ($input: PaymentRetryInput!) { change: paymentRetry(input: $input) { order { id } userErrors { code } } }`
)

// work until the load ends. A change that was begun is repeated until it is answered, or ctx ends.
func (w *writer) work(ctx context.Context) error {
	pause := float64(w.run.cfg.Writers) / w.run.cfg.OrdersPerSecond * float64(time.Second)
	for {
		select {
		case <-w.run.calm:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(w.rng.ExpFloat64() * pause)): // the load's pace
		}
		if err := w.place(ctx); err != nil {
			return err
		}
		if err := w.change(ctx); err != nil {
			return err
		}
	}
}

func (w *writer) place(ctx context.Context) error {
	tokens := simulated.UndisturbedTokens()
	input := map[string]any{
		"idempotencyKey": uuid.NewString(), "paymentMethod": map[string]any{"token": tokens[w.rng.IntN(len(tokens))]},
		"items": []any{map[string]any{"productId": w.run.productID, "quantity": 1 + w.rng.IntN(3)}},
	}
	if w.run.bulky {
		input["metadata"] = bulkyMetadata(w.rng)
	}
	if w.rng.IntN(5) == 0 {
		input["captureMethod"] = "MANUAL"
	}
	orderID, code, err := w.mutate(ctx, w.owner, createMutation, input)
	if err != nil {
		return err
	}
	if code != "" {
		return fmt.Errorf("orderCreate: %s", code)
	}
	w.run.created.Add(1)
	order := placed{orderID, w.owner}
	w.recent = append(w.recent, order)
	if len(w.recent) > 20 {
		w.recent = w.recent[1:]
	}
	for range w.run.cfg.WatchersPerOrder {
		select {
		case w.run.orders <- order:
		default: // nobody is free to watch it
		}
	}
	return nil
}

// change does something to a recent order; that its state does not allow it is an answer too.
func (w *writer) change(ctx context.Context) (err error) {
	order := w.recent[w.rng.IntN(len(w.recent))]
	switch input := map[string]any{"orderId": order.id}; w.rng.IntN(6) {
	case 0, 1:
		who := w.owner
		if w.rng.IntN(2) == 0 {
			who = w.run.staff
		}
		_, _, err = w.mutate(ctx, who, cancelMutation, input)
	case 2:
		_, _, err = w.mutate(ctx, w.run.staff, deliver, input)
	case 3:
		input["idempotencyKey"], input["paymentMethod"] = uuid.NewString(), map[string]any{"token": simulated.TokenApprove}
		_, _, err = w.mutate(ctx, w.owner, retry, input)
	}
	return err
}

// mutate repeats a mutation at any replica until it is answered, and returns the order's id or the first user error.
func (w *writer) mutate(ctx context.Context, who *user, query string, input map[string]any) (orderID, code string, err error) {
	for {
		var data struct {
			Change struct {
				Order      *struct{ ID string }
				UserErrors []struct{ Code string }
			}
		}
		err := call(ctx, w.run.url(w.rng), who.token, query, map[string]any{"input": input}, &data)
		refused, isRefusal := errors.AsType[*refusedError](err)
		switch {
		case ctx.Err() != nil:
			return "", "", ctx.Err()
		case isRefusal && !passing(refused.codes):
			return "", "", err
		case err != nil:
			w.run.count("mutation repeated")
		case len(data.Change.UserErrors) > 0 && data.Change.UserErrors[0].Code == "IDEMPOTENCY_IN_PROGRESS":
		case len(data.Change.UserErrors) > 0:
			return "", data.Change.UserErrors[0].Code, nil
		default:
			return data.Change.Order.ID, "", nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(10+w.rng.IntN(50)) * time.Millisecond): // a pause between attempts
		}
	}
}

// callClient gives a stopped replica up after a while.
var callClient = &http.Client{Timeout: answerTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}

// call runs a query or mutation. GraphQL errors are a *refusedError.
func call(ctx context.Context, url, token, query string, variables map[string]any, data any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage
		Errors gqlErrors
	}
	if err := post(ctx, url+"/graphql", token, body, &answer); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return answer.Errors.refused()
	}
	return json.Unmarshal(answer.Data, data)
}

func post(ctx context.Context, url, token string, body []byte, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := callClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("%s: %.200s", response.Status, raw)
	}
	return nil
}

// signIn signs in with POST /dev/token and returns the user.
func signIn(ctx context.Context, url, name, role string) (*user, error) {
	body, err := json.Marshal(map[string]any{"user": name, "role": role, "ttlSeconds": 24 * 3600})
	if err != nil {
		return nil, err
	}
	var answer struct{ Token string }
	if err := post(ctx, url+"/dev/token", "", body, &answer); err != nil {
		return nil, err
	}
	var data struct{ Viewer struct{ ID string } }
	if err := call(ctx, url, answer.Token, `{ viewer { id } }`, nil, &data); err != nil {
		return nil, err
	}
	return &user{data.Viewer.ID, answer.Token}, nil
}
