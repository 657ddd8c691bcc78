package simulated

// ValidMethod implements payment.Gateway: the tokens of this package.
func (p *Provider) ValidMethod(token string) bool { return ValidToken(token) }

// ValidMethod implements payment.Gateway: the tokens of this package.
func (c *Client) ValidMethod(token string) bool { return ValidToken(token) }
