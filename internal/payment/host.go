package payment

import (
	"context"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/jmoiron/sqlx"
)

// Host has the parts of the server that a provider opened in it can use.
type Host struct {
	// URL is this process's URL on this machine.
	URL string
	// Now tells the time as the server does.
	Now func() time.Time
	Log *slog.Logger
	// OpenDatabase opens connections to tables of the provider's own. Before, prepare makes them as their owner and gives the role of the
	// connections its rights. The server closes the connections after Provider.Close.
	OpenDatabase func(ctx context.Context, prepare func(ctx context.Context, owner *sqlx.DB, role string) error) (*sqlx.DB, error)
	// SharedSecret returns the secret with the name, which all replicas share. It is made when it is asked for first.
	SharedSecret func(ctx context.Context, name string) (string, error)
}

// Standalone has the parts of the server that a provider in a process of its own can use. Host has URL and Log.
type Standalone struct {
	Host
	Listener net.Listener
	// DB is the provider's database; DatabaseDied is closed when it has ended by itself.
	DB           *sqlx.DB
	DatabaseDied <-chan struct{}
	// Stdout is told when the provider is ready.
	Stdout io.Writer
	// ShutdownTimeout bounds the time for calls to end after ctx has ended.
	ShutdownTimeout time.Duration
}
