package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/orderwire/orderwire/internal/config"
)

// adminServer serves what only operators may see, on an address of its own. Nil serves nothing.
type adminServer struct {
	listener net.Listener
	registry *prometheus.Registry
	server   *http.Server
}

// listenAdmin listens at ADMIN_ADDR. If it is the default and taken, by another Orderwire on this machine for instance,
// the server goes on without it and says so.
func listenAdmin(cfg config.Config, logger *slog.Logger) (*adminServer, error) {
	if cfg.AdminAddr == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", cfg.AdminAddr)
	if errors.Is(err, syscall.EADDRINUSE) && !cfg.AdminAddrSet {
		logger.Warn("the admin address is taken, metrics are off; set ADMIN_ADDR to another or to nothing", "address", cfg.AdminAddr)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ADMIN_ADDR: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return &adminServer{
		listener: listener,
		registry: registry,
		server:   &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second},
	}, nil
}

// gauge adds a figure that is read when metrics are asked for.
func (s *adminServer) gauge(name, help string, read func() int) {
	if s == nil {
		return
	}
	s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "orderwire", Name: name, Help: help},
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
