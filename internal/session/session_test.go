package session_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/dbclock"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/session"
)

// world is a database with the users of a development sign-in.
type world struct {
	t     *testing.T
	db    *postgrestest.DB
	store *postgres.Revocations
	dev   *auth.Dev
}

func setup(t *testing.T) *world {
	t.Helper()
	dev, err := auth.NewDev([]byte("a key that is long enough for HS256, and no secret"))
	if err != nil {
		t.Fatal(err)
	}
	db := postgrestest.Open(t)
	return &world{t: t, db: db, store: postgres.NewRevocations(db.API, db.Worker, dbclock.New(nil)), dev: dev}
}

// replica returns a registry on the database. It is not running: the test decides when it reads.
func (w *world) replica(cfg session.Config) *session.Registry {
	w.t.Helper()
	r, err := session.NewRegistry(w.t.Context(), w.store, w.dev, cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// run runs a replica until the test ends.
func run(t *testing.T, r *session.Registry) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// token issues a token by the clock of the revocations.
func (w *world) token(user string) string {
	w.t.Helper()
	now, err := w.store.Now(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	token, _, err := w.dev.IssueAt(now, user, auth.RoleCustomer, time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

var staff = auth.Principal{CustomerID: customer("grace"), Role: auth.RoleStaff, Issuer: auth.DevIssuer, Subject: "grace"}

func customer(user string) id.Customer { return id.ForCustomer(auth.DevIssuer, user) }

// verify returns the principal of a token that must be valid.
func verify(t *testing.T, r *session.Registry, token string) auth.Principal {
	t.Helper()
	p, err := r.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func open(t *testing.T, r *session.Registry, p auth.Principal) context.Context {
	t.Helper()
	ctx, err := r.Open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := w.replica(session.Config{})
	old, others := w.token("ada"), w.token("bob")
	ada, bob := open(t, r, verify(t, r, old)), open(t, r, verify(t, r, others))

	at, err := r.SignOut(t.Context(), auth.FromContext(ada))
	if err != nil {
		t.Fatal(err)
	}
	// The very next token, most likely of the same second, is valid.
	fresh := verify(t, r, w.token("ada"))
	if !fresh.IssuedAt.After(at) {
		t.Errorf("signed out at %v, then signed in at %v", at, fresh.IssuedAt)
	}
	freshCtx := open(t, r, fresh)
	if _, err := r.Verify(t.Context(), old); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("the old token: %v", err)
	}
	<-ada.Done()
	if err := context.Cause(ada); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("the session ended by %v", err)
	}
	for name, ctx := range map[string]context.Context{"the new session": freshCtx, "another's session": bob} {
		if err := errors.Join(ctx.Err(), session.BlockIfEnded(ctx)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	verify(t, r, others)
}

// From the time of the revocation nothing is admitted, although the connection is closed a little later.
func TestBlockedAfterRevocation(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := w.replica(session.Config{})
	p := verify(t, r, w.token("ada"))
	ctx := open(t, r, p)
	if err := session.BlockIfEnded(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := r.SignOut(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if err := session.BlockIfEnded(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("BlockIfEnded: %v", err)
	}
	if _, err := session.Renew(ctx, verify(t, r, w.token("ada"))); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("a session that is over was renewed: %v", err)
	}
}

func TestBlockedAfterExpiry(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := w.replica(session.Config{})
	p := verify(t, r, w.token("ada"))
	p.ExpiresAt = time.Now().Add(-time.Nanosecond)
	ctx := open(t, r, p)
	if err := session.BlockIfEnded(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("BlockIfEnded: %v", err)
	}
	if err := context.Cause(ctx); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("ended by %v", err)
	}
	// A token that comes too late does not revive the session: its events may be lost already.
	if _, err := session.Renew(ctx, verify(t, r, w.token("ada"))); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("renewed: %v", err)
	}
	if err := session.BlockIfEnded(t.Context()); err != nil {
		t.Errorf("without a session: %v", err)
	}
}

func TestRenew(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := w.replica(session.Config{})
	first := verify(t, r, w.token("ada"))
	running := open(t, r, first)
	second := verify(t, r, w.token("ada"))
	second.ExpiresAt = first.ExpiresAt.Add(time.Hour)
	later, err := session.Renew(running, second)
	if err != nil || auth.FromContext(later).ExpiresAt != second.ExpiresAt {
		t.Fatalf("renewed: %+v, %v", auth.FromContext(later), err)
	}
	if n := r.Sessions(); n != 1 {
		t.Errorf("%d sessions after a renewal, want 1", n)
	}
	if _, err := session.Renew(running, verify(t, r, w.token("bob"))); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("another user's token: %v", err)
	}
	staff := second
	staff.Role = auth.RoleStaff
	if _, err := session.Renew(running, staff); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("the same user in another role: %v", err)
	}
	anonymous, err := r.Open(t.Context(), auth.Principal{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.Renew(anonymous, second); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("anonymous became somebody: %v", err)
	}
	// The newest token decides when the session ends, also for operations that started with the first one.
	if _, err := r.SignOut(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	<-running.Done()
	<-later.Done()
	if _, err := session.Renew(running, second); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("a revoked token renewed: %v", err)
	}
}

// Every replica ends the sessions: the one that was called at once, another one when it reads. None misses a revocation that
// was committed late.
func TestReplicas(t *testing.T) {
	t.Parallel()
	w := setup(t)
	one, two := w.replica(session.Config{}), w.replica(session.Config{PollInterval: 10 * time.Millisecond})
	token := w.token("ada")
	ctx := open(t, two, verify(t, two, token))
	run(t, two)
	if _, err := one.SignOut(t.Context(), verify(t, one, token)); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if _, err := two.Verify(t.Context(), token); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("the other replica: %v", err)
	}

	// The transaction of this revocation began before the last read and commits after it.
	token = w.token("bob")
	ctx = open(t, two, verify(t, two, token))
	tx := w.db.MustBeginTx(t.Context(), nil)
	tx.MustExecContext(t.Context(), `INSERT INTO revocations (customer_id, revoked_at) VALUES ($1, clock_timestamp())`, customer("bob").String())
	reading := w.replica(session.Config{}) // its first read is certainly in between
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	run(t, reading)
	waitFor(t, func() bool { _, err := reading.Verify(t.Context(), token); return err != nil })
}

// A replica that starts reads the earlier revocations.
func TestRestart(t *testing.T) {
	t.Parallel()
	w := setup(t)
	token := w.token("ada")
	one := w.replica(session.Config{})
	if _, err := one.SignOut(t.Context(), verify(t, one, token)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.replica(session.Config{}).Verify(t.Context(), token); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("after a restart: %v", err)
	}
}

// The contract's bound is 2 s on every replica. It leaves room for a slow machine even if every NOTIFY is lost.
func TestRevocationWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	if worst := session.DefaultPollInterval + session.CloseDelay; worst > 1500*time.Millisecond {
		t.Errorf("a session may live on for %v", worst)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	w := setup(t)
	one, two := w.replica(session.Config{}), w.replica(session.Config{PollInterval: 10 * time.Millisecond})
	if _, err := one.Revoke(t.Context(), staff, customer("nobody")); fault.CodeOf(err) != fault.UserNotFound {
		t.Errorf("somebody who was never here: %v", err)
	}
	// Known at once on the replica of the sign-in, soon on the others, and kept for ever.
	verify(t, two, w.token("ada"))
	if _, err := two.Revoke(t.Context(), staff, customer("ada")); err != nil {
		t.Errorf("somebody who signed in here: %v", err)
	}
	verify(t, two, w.token("bob"))
	run(t, two)
	waitFor(t, func() bool { _, err := one.Revoke(t.Context(), staff, customer("bob")); return err == nil })
	first, err := one.Revoke(t.Context(), staff, customer("ada"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := one.Revoke(t.Context(), staff, customer("ada")); err != nil || !again.After(first) {
		t.Errorf("revoked at %v, and again at %v, %v", first, again, err)
	}
}

// A token that cannot be compared with the revocations is refused for now. An open connection stays open.
func TestStale(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := w.replica(session.Config{StaleAfter: time.Nanosecond})
	token := w.token("ada")
	if _, err := r.Verify(t.Context(), token); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("Verify: %v", err)
	}
	p, err := w.dev.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if err := session.BlockIfEnded(open(t, r, p)); err != nil {
		t.Errorf("BlockIfEnded: %v", err)
	}
}

// The number of a user's sessions returns to zero, however they end.
func TestMaxPerUser(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := w.replica(session.Config{MaxPerUser: 3})
	ada, bob := verify(t, r, w.token("ada")), verify(t, r, w.token("bob"))
	var cancels []context.CancelFunc
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		cancels = append(cancels, cancel)
		if _, err := r.Open(ctx, ada); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Open(t.Context(), ada); !errors.Is(err, session.ErrTooMany) {
		t.Errorf("a fourth: %v", err)
	}
	open(t, r, bob)
	cancels[0]()
	waitFor(t, func() bool { return r.Sessions() == 3 })
	open(t, r, ada)
	for _, cancel := range cancels {
		cancel()
	}
	waitFor(t, func() bool { return r.Sessions() == 2 })

	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, _ = r.Open(ctx, ada) // some exceed the limit
		})
	}
	wg.Wait()
	waitFor(t, func() bool { return r.Sessions() == 2 })
}

// Revocations that are older than any token are deleted.
func TestForget(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.db.MustExec(`INSERT INTO revocations VALUES ($1, now() - interval '2 hours'), ($2, now() - interval '30 minutes')`,
		customer("old").String(), customer("young").String())
	if err := w.store.Forget(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	revoked, _, err := w.store.Since(t.Context(), time.Time{})
	if err != nil || !slices.EqualFunc(revoked, []id.Customer{customer("young")}, func(r session.Revocation, id id.Customer) bool { return r.CustomerID == id }) {
		t.Errorf("left: %v, %v", revoked, err)
	}
}

// waitFor polls a condition of other goroutines.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatal("waited too long")
		case <-ticker.C:
		}
	}
}
