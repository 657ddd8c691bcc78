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

// Run keeps the registry up to date until ctx ends. A store that does not answer is logged and asked again.
func (r *Registry) Run(ctx context.Context) error {
	poll := time.NewTicker(r.cfg.PollInterval)
	defer poll.Stop()
	forget := time.NewTicker(forgetInterval)
	defer forget.Stop()
	failing := false
	r.Wake() // it may be a while since NewRegistry has read
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
		case <-r.hint:
		case <-forget.C:
			r.forget(ctx)
		}
		err := r.refresh(ctx)
		if err == nil {
			err = r.save(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !failing { // once an outage, not once a second
			r.cfg.Logger.WarnContext(ctx, "cannot read which sessions were ended; new ones will be refused", "error", err)
		}
		failing = err != nil
	}
}

// refresh reads what was revoked since it last did.
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

// save keeps who was seen for the first time.
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

// forget drops the revocations that no living token is older than, here and in the store.
func (r *Registry) forget(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	// A clock apart by less than this does no harm.
	age := r.cfg.MaxLifetime + time.Hour
	if err := r.store.Forget(ctx, age); err != nil {
		r.cfg.Logger.WarnContext(ctx, "old revocations could not be deleted", "error", err)
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
