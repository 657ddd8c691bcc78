package postgres

// SetLimit bounds one assignment to n events, so that a test sees a backlog without writing thousands.
func (s *Sequencer) SetLimit(n int) { s.limit = n }
