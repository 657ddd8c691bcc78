package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// startTimes the server is started, with everything there from the time before.
const startTimes = 5

// starts measures from starting the server, with its own PostgreSQL, to its first answer to a query.
func starts(ctx context.Context, l *lab, report *Report) error {
	folder := filepath.Join(l.cfg.Folder, "starts")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for i := range 1 + startTimes {
		took, err := l.firstAnswer(ctx, folder)
		if err != nil {
			return err
		}
		name := "start.warm"
		if i == 0 {
			if l.started {
				continue // a round before has made the database
			}
			name, l.started = "start.cold", true
		}
		report.add(name, took.Seconds())
	}
	return nil
}

func (l *lab) firstAnswer(ctx context.Context, folder string) (time.Duration, error) {
	addr, err := freeAddress(ctx)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	server, _, err := start(ctx, l.cfg.Log, []string{"ADDR=" + addr, "ADMIN_ADDR=", "DATA_DIR=" + folder, "PG_BIN=" + os.Getenv("PG_BIN")}, l.cfg.Server)
	if err != nil {
		return 0, err
	}
	c := &client{addr: addr, http: keepAlive()}
	defer c.http.CloseIdleConnections()
	_, err = c.product(ctx)
	took := time.Since(began)
	return took, errors.Join(err, server.stop())
}
