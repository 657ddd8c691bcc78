package addresslimit

// Idle returns the number of idle connections.
func (c *Connections) Idle() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.idle.Len()
}
