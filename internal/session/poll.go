package session

import (
	"context"
	"time"
)

// Wake hints that there is a new revocation. It does not block.
func (r *Registry) Wake() {
	select {
	case r.hint <- struct{}{}:
	default:
	}
}

// Run keeps the registry up to date until ctx ends. Errors of the store are logged and retried.
func (r *Registry) Run(ctx context.Context) error {
	poll := time.NewTicker(r.cfg.PollInterval)
	defer poll.Stop()
	prune := time.NewTicker(forgetInterval)
	defer prune.Stop()
	failing := false
	r.Wake() // NewRegistry may have read a while ago
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
		case <-r.hint:
		case <-prune.C:
			r.prune(ctx)
		}
		err := r.refresh(ctx)
		if err == nil {
			err = r.save(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !failing { // log an outage once, not every second
			r.cfg.Logger.WarnContext(ctx, "reading revoked sessions failed; new sessions will be refused", "error", err)
		}
		failing = err != nil
	}
}

// refresh reads the revocations since the last successful read.
func (r *Registry) refresh(ctx context.Context) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	began := time.Now()
	revoked, now, err := r.store.Since(ctx, r.since)
	if err != nil {
		return err
	}
	r.since = now
	r.apply(revoked)
	r.mu.Lock()
	r.readAt = began
	r.mu.Unlock()
	return nil
}

// save stores the customers that were seen for the first time.
func (r *Registry) save(ctx context.Context) error {
	r.mu.Lock()
	unsaved := r.unsaved
	r.unsaved = nil
	r.mu.Unlock()
	if len(unsaved) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	err := r.store.Seen(ctx, unsaved)
	if err != nil {
		r.mu.Lock()
		if len(r.unsaved) < maxSeen {
			r.unsaved = append(r.unsaved, unsaved...)
		}
		r.mu.Unlock()
	}
	return err
}

// prune deletes the revocations that are older than any valid token, here and in the store.
func (r *Registry) prune(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	// Clocks may differ by up to this without harm.
	age := r.cfg.MaxLifetime + time.Hour
	if err := r.store.Forget(ctx, age); err != nil {
		r.cfg.Logger.WarnContext(ctx, "pruning old revocations failed", "error", err)
	}
	oldest := time.Now().Add(-age)
	r.mu.Lock()
	defer r.mu.Unlock()
	for customerID, at := range r.revoked {
		if at.Before(oldest) {
			delete(r.revoked, customerID)
		}
	}
}
