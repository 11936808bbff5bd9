package provider

import "github.com/retrysafe/retrysafe"

// Keyless returns p for the endpoints of its provider that honour no key. None
// is sent, what p says of keys is left out, and what may have run is not sent
// again unless the command says Rerun or has a precondition. The profile that p
// is a copy of stays as it is.
func Keyless(p retrysafe.Profile) retrysafe.Profile {
	p.Key = retrysafe.KeyRules{Place: retrysafe.KeyNowhere}
	p.ComparesPayload = false
	p.Window = 0
	p.Rules = keylessRules(p.Rules)
	return p
}

// keylessRules keeps what answers mean without a key.
func keylessRules(rules []retrysafe.Rule) []retrysafe.Rule {
	var kept []retrysafe.Rule
	for _, r := range rules {
		switch r.Verdict {
		case retrysafe.Wait, retrysafe.Mismatch, retrysafe.Gone:
			continue
		}
		r.Stored, r.LookedUp = false, false
		kept = append(kept, r)
	}
	return kept
}
