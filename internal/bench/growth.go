package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
)

const (
	growthClients = 16
	// growthPairs of turns, small and big, of so many seconds.
	growthPairs   = 5
	growthSeconds = 2
)

// growths measures a server on a database with many orders, in turns with one on an empty database of the same cluster. Each pair
// of turns gives one value.
func growths(ctx context.Context, l *lab, report *Report) error {
	small, err := l.database(ctx)
	if err != nil {
		return err
	}
	if l.grown == "" { // in later rounds it is there already, a little larger
		if l.grown, err = l.grow(ctx); err != nil {
			return err
		}
	}
	// Payments do not start for placed orders, except where their steps are measured.
	for _, stage := range []struct {
		env   []string
		parts map[string]string
	}{
		{nil, map[string]string{"insert": "create", "one": "read-one", "list": "read-list"}},
		{[]string{"PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=0s"}, map[string]string{"step": "whole"}},
	} {
		for _, name := range []string{"insert", "one", "list", "step"} {
			if part := stage.parts[name]; part != "" {
				if err := l.growth(ctx, [2]string{small, l.grown}, stage.env, name, part, report); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		}
	}
	return nil
}

// growth takes the turns of one part.
func (l *lab) growth(ctx context.Context, databases [2]string, env []string, name, part string, report *Report) (err error) {
	var sides [2]*contender
	for i, database := range databases {
		server, err := l.serverOn(ctx, database, env...)
		if err != nil {
			return err
		}
		if sides[i], err = l.contend(ctx, server, part, strconv.Itoa(growthClients), strconv.Itoa(growthSeconds)); err != nil {
			return errors.Join(err, server.stop())
		}
		defer func() { err = errors.Join(err, sides[i].stop()) }()
	}
	var before [2]done
	for pair := range growthPairs {
		var rates [2]float64
		for turn := range sides {
			i := (turn + pair) % len(sides) // neither always comes first
			var now done
			if err := sides[i].turn(&now); err != nil {
				return err
			}
			rates[i] = (now.count() - before[i].count()) / (now.Seconds - before[i].Seconds)
			before[i] = now
		}
		report.add("growth."+name, rates[1]/rates[0])
		report.add("growth."+name+".small", rates[0])
		report.add("growth."+name+".big", rates[1])
	}
	return nil
}

// done is the part of any load generator's result that growths needs: the work done in all turns.
type done struct {
	Orders, Answers int64
	Seconds         float64
}

func (d done) count() float64 { return float64(d.Orders + d.Answers) }

// grow fills the big database as far as it is not full already.
func (l *lab) grow(ctx context.Context) (string, error) {
	name := "bench_grown_" + strconv.Itoa(l.cfg.Orders)
	if err := l.named(ctx, name); err != nil {
		return "", err
	}
	seed := exec.CommandContext(ctx, l.cfg.Server, "seed", "--orders", strconv.Itoa(l.cfg.Orders))
	seed.Env = environment("DATABASE_URL="+l.cluster.URL(name), "LOG_LEVEL=warn")
	seed.Stdout, seed.Stderr = l.cfg.Progress, l.cfg.Progress
	if err := seed.Run(); err != nil {
		return "", fmt.Errorf("server seed: %w", err)
	}
	db, err := sql.Open("postgres", l.cluster.URL(name))
	if err != nil {
		return "", err
	}
	defer db.Close() //nolint:errcheck // nothing is left in it to lose
	// As autovacuum would have done long ago, and not in the middle of a turn.
	for _, statement := range []string{`VACUUM ANALYZE`, `CHECKPOINT`} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return "", err
		}
	}
	return name, nil
}
