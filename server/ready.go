package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/orderwire/orderwire/internal/postgres"
)

const (
	readyTimeout = 2 * time.Second
	// readyFresh is the time for which a check of the database is valid: /readyz is open to everybody, and a check commits a write.
	readyFresh = time.Second
)

// readiness remembers whether this replica should get traffic.
type readiness struct {
	look func(context.Context) (problem string, cause error)
	log  *slog.Logger
	now  func() time.Time

	// looking is held during a check; other requests wait for its result.
	looking sync.Mutex
	looked  time.Time
	problem string
	cause   error

	saying sync.Mutex
	said   string
}

func newReadiness(look func(context.Context) (string, error), logger *slog.Logger) *readiness {
	return &readiness{look: look, log: logger, now: time.Now}
}

// database returns the database's problem of at most a second ago, "" for none. The database is checked at most once a second, for
// any number of requests.
func (r *readiness) database() (problem string, cause error) {
	r.looking.Lock()
	defer r.looking.Unlock()
	if !r.looked.IsZero() && r.now().Sub(r.looked) < readyFresh {
		return r.problem, r.cause
	}
	// Not the request's context: others go by the answer too.
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	r.problem, r.cause = r.look(ctx)
	r.looked = r.now()
	return r.problem, r.cause
}

// say logs a verdict that differs from the last one.
func (r *readiness) say(ctx context.Context, problem string, cause error) {
	r.saying.Lock()
	changed := problem != r.said
	r.said = problem
	r.saying.Unlock()
	switch {
	case !changed:
	case problem == "":
		r.log.InfoContext(ctx, "ready")
	case cause != nil:
		r.log.WarnContext(ctx, "not ready", "problem", problem, "error", cause)
	default:
		r.log.WarnContext(ctx, "not ready", "problem", problem)
	}
}

// lookAtDatabase tells whether the database takes writes and is migrated.
func (a *App) lookAtDatabase(ctx context.Context) (problem string, cause error) {
	pending, err := postgres.PendingMigrations(ctx, a.db.owner.DB)
	if err == nil && !pending {
		err = postgres.CheckWritable(ctx, a.db.owner)
	}
	switch {
	case err != nil:
		return "database unavailable", err
	case pending:
		return "migrations pending", nil
	}
	return "", nil
}

// serveReady tells whether this replica should get traffic: the database takes writes and is migrated, the listener for the
// other replicas' events is connected, tokens can be checked, and the server is not stopping.
func (a *App) serveReady(w http.ResponseWriter, r *http.Request) {
	problem, cause := a.notReady()
	a.readiness.say(r.Context(), problem, cause)
	if problem != "" {
		http.Error(w, problem, http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ready\n"+a.skewLine())
}

func (a *App) notReady() (problem string, cause error) {
	if a.draining.Load() {
		return "draining", nil
	}
	if problem, cause = a.readiness.database(); problem != "" {
		return problem, cause
	}
	switch {
	case !a.listener.Connected():
		return "event listener disconnected", nil
	case a.issuer != nil && a.issuer.Ready() != nil:
		return "the issuer of tokens has not given its keys", nil
	}
	return "", nil
}
