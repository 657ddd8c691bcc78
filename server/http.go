package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"math"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"github.com/orderwire/orderwire/internal/config"
)

// openServer prepares to serve the handler, over TLS when there is a certificate. The timeouts keep slow clients from
// holding connections: one who sends a header or a body byte by byte, or does not read the answer. Event streams set
// deadlines of their own for each event, and websockets leave the server.
func (a *App) openServer(handler http.Handler) error {
	requests, end := context.WithCancel(context.Background())
	a.endRequests = end
	a.server = &http.Server{
		Handler:           handler,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ConnContext:       boundSendBuffer,
		ConnState:         a.connections.State,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		HTTP2:             &boundedHTTP2,
		ErrorLog:          slog.NewLogLogger(newBoundedLog(a.log.Handler()), slog.LevelWarn),
		// It would answer OPTIONS * before the host is looked at.
		DisableGeneralOptionsHandler: true,
	}
	if a.cfg.TLSCert == "" {
		return nil
	}
	certificate, err := loadCertificate(a.cfg.TLSCert, a.cfg.TLSKey, a.log)
	if err != nil {
		return err
	}
	a.server.TLSConfig = certificate.config()
	return nil
}

// boundedLog drops records beyond 5 a second. It is for net/http's messages, such as one for each failed TLS handshake, of which
// strangers can make any number.
type boundedLog struct {
	slog.Handler
	lines *rate.Limiter
}

func newBoundedLog(next slog.Handler) slog.Handler { return boundedLog{next, rate.NewLimiter(5, 5)} }

// Handle implements slog.Handler.
func (b boundedLog) Handle(ctx context.Context, record slog.Record) error {
	if !b.lines.Allow() {
		return nil
	}
	return b.Handler.Handle(ctx, record)
}

// boundedHTTP2 bounds the unread bytes that an HTTP/2 connection may send: a frame that has arrived in part, and bodies that no
// handler reads, such as that of a GET. Go's default for each is 1 MiB. RFC 9113 allows no less (sections 4.2 and 6.9.2), and bytes
// that are read make room for more.
var boundedHTTP2 = http.HTTP2Config{MaxReadFrameSize: 16 << 10, MaxReceiveBufferPerConnection: 64 << 10, MaxReceiveBufferPerStream: 64 << 10}

// sendBuffer is the number of unread bytes that the kernel buffers for one connection; Linux doubles it. The kernel's default is
// megabytes, which would not count against the client. It still lets one client at the other end of the world have a megabyte a
// second.
const sendBuffer = 128 << 10

// boundSendBuffer is an http.Server's ConnContext.
func boundSendBuffer(ctx context.Context, c net.Conn) context.Context {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // without it the connection works all the same
	}
	return ctx
}

// serve answers until the server is shut down.
// otherFiles are open files that are no client's: connections to PostgreSQL, the provider, NATS and receivers of webhooks.
const otherFiles = 500

// mostConnections returns the number of client connections that leaves otherFiles descriptors to the rest of the process, or half
// of all descriptors if there are few. Without any left a server accepts nothing, and cannot open a connection to its database
// either.
func mostConnections() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return math.MaxInt
	}
	most := int(min(files.Cur, math.MaxInt32))
	return max(most-otherFiles, most/2)
}

func (a *App) serve() error {
	if a.server.TLSConfig != nil {
		return a.server.ServeTLS(a.address, "", "")
	}
	return a.server.Serve(a.address)
}

func scheme(cfg config.Config) string {
	if cfg.TLSCert != "" {
		return "https"
	}
	return "http"
}
