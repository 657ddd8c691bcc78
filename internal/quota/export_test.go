package quota

// Idle is how many connections wait for a request.
func (c *Connections) Idle() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.idle.Len()
}
