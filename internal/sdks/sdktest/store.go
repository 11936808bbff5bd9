package sdktest

import "github.com/retrysafe/retrysafe/store"

// Store is store.Memory that says of itself what a SQL database says: within a
// test nothing is lost. With it a refusal can be the end of an operation.
type Store struct{ *store.Memory }

// NewStore returns an empty store.
func NewStore() Store { return Store{store.NewMemory()} }

// Capabilities is store.Capable's.
func (Store) Capabilities() store.Capabilities {
	return store.Capabilities{Durability: store.DurablePowerLoss, Shared: true}
}
