package retrysafe

// Evidence is the reason for an outcome, one of a closed set.
type Evidence string

// The reasons for an outcome.
const (
	EvidenceDone         Evidence = "answered done"
	EvidenceRefused      Evidence = "refusal speaks for the key"
	EvidenceNothingRan   Evidence = "no delivery can have run"
	EvidenceEarlierCall  Evidence = "no delivery of this call can have run, an earlier one might have"
	EvidenceDoubt        Evidence = "a delivery may have run and nothing has spoken for the key"
	EvidenceInFlight     Evidence = "the provider is at work on it"
	EvidenceMismatch     Evidence = "the key is bound to another request"
	EvidenceExpired      Evidence = "the provider has forgotten the key"
	EvidenceStuck        Evidence = "the answer does not tell and will not change"
	EvidenceOwnEffect    Evidence = "own effect likely: what was asked for is there already"
	EvidenceAgedRefusal  Evidence = "refused after the key was looked up, and every delivery in doubt is over"
	EvidenceAbsent       Evidence = "the store has no such operation"
	EvidencePending      Evidence = "waiting for a runner"
	EvidenceHeld         Evidence = "another call is at work on it"
	EvidenceLapsed       Evidence = "who was at work on it went silent"
	EvidenceStore        Evidence = "the store did not say or keep how it ended"
	EvidenceCancelled    Evidence = "cancelled before anything was sent"
	EvidenceDecided      Evidence = "decided by a person"
	EvidenceFound        Evidence = "found at the provider by reconciling"
	EvidenceNotFound     Evidence = "not found at the provider, which would have it"
	EvidenceContradicted Evidence = "answered done, contradicted later"
)
