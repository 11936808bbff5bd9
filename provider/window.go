package provider

import "time"

// window is how long a key may be sent to a provider that keeps it for
// retention: a 24th part less, an hour of a day, because the provider's time
// runs on another clock and the last delivery takes time to arrive.
func window(retention time.Duration) time.Duration {
	return retention - retention/24
}
