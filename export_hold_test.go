package retrysafe

// StopRenewing makes a client as one whose process is gone: it renews nothing.
func StopRenewing(c *Client) {
	c.leases.mu.Lock()
	defer c.leases.mu.Unlock()
	c.leases.timer.Stop()
	clear(c.leases.held)
}
