package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// skewShown is the difference from the database's clock above which operators are told. Only the expiry of tokens and certificates
// and the times of log lines depend on this machine's clock, so the replica stays ready.
const skewShown = 2 * time.Second

// readClock sets the clock by the database's for the first time, and shows operators how far this machine's is off.
func (a *App) readClock(ctx context.Context) error {
	if err := a.clock.Read(ctx, a.db.work); err != nil {
		return err
	}
	if a.admin != nil {
		a.admin.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "orderwire", Name: "clock_skew_seconds", Help: "How far this machine's clock is ahead of the database's; negative when it is behind.",
		}, func() float64 { return a.clock.Skew().Seconds() }))
	}
	if skew := a.clock.Skew(); skew.Abs() > skewShown {
		a.log.WarnContext(ctx, "this machine's clock differs from the database's; orders use the database's, but tokens expire by this machine's: synchronize it with NTP", "aheadOfDatabase", skew.Round(time.Millisecond))
	}
	return nil
}

// skewLine is a line for /readyz when this machine's clock is off, else empty.
func (a *App) skewLine() string {
	skew := a.clock.Skew()
	switch {
	case skew > skewShown:
		return fmt.Sprintf("this machine's clock is %s ahead of the database's\n", skew.Round(time.Second))
	case skew < -skewShown:
		return fmt.Sprintf("this machine's clock is %s behind the database's\n", -skew.Round(time.Second))
	}
	return ""
}
