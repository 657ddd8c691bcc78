package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// copyFolder is cp -a.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
}

// privateServer runs on a PostgreSQL of its own in a data folder that may be copied.
func privateServer(t *testing.T) (server *process, folder string) {
	t.Helper()
	parent, err := os.MkdirTemp("", "orderwire-restore-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	if err := os.Chmod(parent, 0o755); err != nil { // for the account of root's PostgreSQL
		t.Fatal(err)
	}
	folder = filepath.Join(parent, "data")
	return newProcess(t, "", "DATA_DIR="+folder, "PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=0s"), folder
}

// A copy of the data folder is put back, as an operator does who has only read "stop it and copy the folder". killed: the server
// was killed and not stopped before each.
func TestRestoreFolder(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]bool{"OKStopped": false, "OKKilled": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, folder := privateServer(t)
			d := newDrill(t, server)
			t.Cleanup(func() { server.kill() })
			end := d.stop
			if killed {
				end = func() {
					server.kill()
					await(t.Context(), t, func() bool { // its PostgreSQL follows
						_, err := os.Stat(filepath.Join(folder, "postgres", "data", "postmaster.pid"))
						return errors.Is(err, os.ErrNotExist)
					})
				}
			}
			end()
			copyFolder(t, folder, folder+".copy")
			server.start()
			d.signIn()
			d.goOn()
			end()
			if err := os.RemoveAll(folder); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(folder+".copy", folder); err != nil {
				t.Fatal(err)
			}
			server.start()
			d.signIn()
			d.judge("just restored", d)
			d.goesOn("just restored")
			d.overtake()
			d.judge("with a life of its own", d)
			d.goesOn("with a life of its own")
		})
	}
}

// A base backup of a running cluster is put back: it has the cluster's identity and its timeline.
func TestRestoreBaseBackup(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.initialise()
	c.start()
	c.tool("createdb", "--maintenance-db", c.url("postgres"), "orders")
	server := newProcess(t, c.url("orders"), "PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=0s", "DATABASE_MAX_CONNS=6")
	d := newDrill(t, server)
	t.Cleanup(func() { server.kill() })
	backup := c.folder + ".backup"
	c.tool("pg_basebackup", "-D", backup, "-d", c.url("postgres"), "-X", "stream", "-c", "fast", "--no-sync")
	d.goOn()
	d.stop()
	c.stop()
	c.folder = backup
	c.start()
	server.start()
	d.signIn()
	d.judge("just restored", d)
	d.goesOn("just restored")
	d.overtake()
	d.judge("with a life of its own", d)
	d.goesOn("with a life of its own")
}

// One dump is restored twice, and each copy's cursors are shown to the other, and the original's to both.
func TestRestoreDumpTwice(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.initialise()
	c.start()
	c.tool("createdb", "--maintenance-db", c.url("postgres"), "orders")
	server := newProcess(t, c.url("orders"), "PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=0s", "DATABASE_MAX_CONNS=6")
	d := newDrill(t, server)
	t.Cleanup(func() { server.kill() })
	dump := c.folder + ".dump"
	c.tool("pg_dump", "-Fc", "-f", dump, "-d", c.url("orders"))
	d.goOn()
	d.stop()
	restored := map[string]*drill{}
	for _, name := range []string{"one", "two"} {
		c.tool("createdb", "--maintenance-db", c.url("postgres"), name)
		c.tool("pg_restore", "-d", c.url(name), dump)
		server.use(c.url(name))
		server.start()
		copied := &drill{t: t, server: server, shared: d.shared, payment: d.payment}
		copied.signIn()
		copied.judge(name+", the original's cursors", d)
		copied.goOn()
		restored[name] = copied
		if name == "two" {
			copied.judge("two, the cursors of one", restored["one"])
		}
		copied.stop()
	}
	server.use(c.url("one"))
	server.start()
	restored["one"].signIn()
	restored["one"].judge("one, the cursors of two", restored["two"])
}

// A copy of the database runs beside its original, on the same NATS: neither hears of the other's events.
func TestCloneOnSharedNATS(t *testing.T) {
	t.Parallel()
	nats, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: -1, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	go nats.Start()
	t.Cleanup(nats.Shutdown)
	if !nats.ReadyForConnections(drillPatience) {
		t.Fatal("NATS does not start")
	}
	server, folder := privateServer(t)
	server.env = append(server.env, "NATS_URL="+nats.ClientURL())
	original := newDrill(t, server)
	t.Cleanup(func() { server.kill() })
	original.stop()
	copyFolder(t, folder, folder+".clone")
	server.start()
	original.signIn()
	copied := &drill{t: t, server: server.replica(), shared: original.shared, payment: original.payment}
	copied.server.env = append(copied.server.env, "DATA_DIR="+folder+".clone")
	copied.server.start()
	t.Cleanup(func() { copied.server.kill() })
	copied.signIn()

	// Both stand at the same position of the same log. The clone continues first, and then the original.
	var one, feed []item
	seen := func(into *[]item, c *subscriptionClient, begun chan<- struct{}, end func(item) bool) <-chan error {
		done := make(chan error, 1)
		ctx, cancel := context.WithTimeout(t.Context(), drillPatience)
		t.Cleanup(cancel)
		go func() {
			done <- c.run(ctx, func(it item) error {
				if *into = append(*into, it); len(*into) == 1 {
					close(begun)
				}
				if end(it) {
					return errStop
				}
				return nil
			})
		}()
		return done
	}
	begunOne, begunFeed := make(chan struct{}), make(chan struct{})
	var last atomic.Value // the order whose delivery ends the feed
	oneDone := seen(&one, watchOrder(server.url(), original.ada.token, original.shared), begunOne, func(it item) bool { return it.Order.Status == "CREATED" && it.Order.Payment.Status == "VOIDED" })
	feedDone := seen(&feed, watchFeed(server.url(), original.staff.token), begunFeed, func(it item) bool {
		return it.Order != nil && it.Order.ID == last.Load() && it.Order.Status == "CANCELLED"
	})
	<-begunOne
	<-begunFeed
	copied.act("paymentCapture", map[string]any{"paymentId": copied.payment})
	copied.await(copied.shared, "DELIVERED")
	copied.walk()
	original.act("paymentVoid", map[string]any{"paymentId": original.payment})
	own := original.walk()
	final, _ := original.manual()
	last.Store(final)
	original.act("orderCancel", map[string]any{"orderId": final})
	if err := errors.Join(<-oneDone, <-feedDone); err != nil {
		t.Fatal(err)
	}
	for i, it := range one {
		if i > 0 && (it.Kind != "EVENT" || it.Order.Payment.Status == "CONFIRMED") {
			t.Errorf("the original's order shows %s %+v, %+v of the clone", it.Kind, it.Event, it.Order)
		}
	}
	for i, it := range feed {
		if i > 0 && (it.Kind != "EVENT" || it.Order.ID != original.shared && it.Order.ID != own && it.Order.ID != final) {
			t.Errorf("the original's feed shows %s %+v", it.Kind, it.Order)
		}
	}
}
