package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/httpguard"
)

// adminServer serves what only operators may see, on an address of its own. Nil serves nothing.
type adminServer struct {
	listener net.Listener
	registry *prometheus.Registry
	server   *http.Server
}

// listenAdmin listens at ADMIN_ADDR. If it is the default and in use, by another Orderwire on this machine for instance, the server
// logs that and continues without it.
func listenAdmin(cfg config.Config, logger *slog.Logger) (*adminServer, error) {
	if cfg.AdminAddr == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", cfg.AdminAddr)
	if errors.Is(err, syscall.EADDRINUSE) && !cfg.AdminAddrSet {
		logger.Warn("the admin address is in use, so metrics are off; set ADMIN_ADDR to another address, or to nothing", "address", cfg.AdminAddr)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ADMIN_ADDR: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	if cfg.PProf {
		routeProfiles(mux)
	}
	// A page that has its name point here (DNS rebinding) could read all of this.
	guard, err := httpguard.New(httpguard.Config{Addr: cfg.AdminAddr, AllowedHosts: cfg.AllowedHosts, Logger: logger})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return &adminServer{
		listener: listener,
		registry: registry,
		server: &http.Server{
			Handler: guard.Middleware(mux), ConnState: adminConnections().State, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
			IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(newBoundedLog(logger.Handler()), slog.LevelWarn), DisableGeneralOptionsHandler: true,
		},
	}, nil
}

// adminConnections are few: operators and the metrics scraper.
func adminConnections() *addresslimit.Connections {
	return addresslimit.NewConnections(addresslimit.ConnectionsConfig{
		PerAddress: 100, Total: 200, Address: addresslimit.Addresses{}.Peer, Others: func() int { return 0 },
	})
}

// routeProfiles adds what net/http/pprof adds to the default mux, which nothing here serves. The index serves the other
// profiles by their names.
func routeProfiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

// gauge adds a figure that is read when metrics are asked for.
func (s *adminServer) gauge(name, help string, read func() int) {
	if s == nil {
		return
	}
	s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "orderwire", Name: name, Help: help},
		func() float64 { return float64(read()) }))
}

// gaugeOf is gauge for a name that is added with several labels.
func (s *adminServer) gaugeOf(name, help string, labels prometheus.Labels, read func() int) {
	if s == nil {
		return
	}
	s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "orderwire", Name: name, Help: help, ConstLabels: labels},
		func() float64 { return float64(read()) }))
}

// counter adds a figure that only grows, read when metrics are asked for. One name may be added with several labels.
func (s *adminServer) counter(name, help string, labels prometheus.Labels, read func() int64) {
	if s == nil {
		return
	}
	s.registry.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Namespace: "orderwire", Name: name, Help: help, ConstLabels: labels},
		func() float64 { return float64(read()) }))
}

func (s *adminServer) serve() {
	if s == nil {
		return
	}
	go func() { _ = s.server.Serve(s.listener) }() // ends with close
}

func (s *adminServer) close() {
	if s != nil {
		_ = s.server.Close()
		_ = s.listener.Close()
	}
}
