// Package store is the record of an operation: what it is, the states it can
// be in, the moves between them, and the interface of whatever keeps it. Every
// other package stands on it: the client, servers, consumers and sagas. It
// imports the standard library and internal packages only.
//
// The moves are pure: Intent, Claim, Completion, Resolution, Reopening and
// Notice each have an Apply, and Record has Renew and Purge. A store makes each
// of them one atomic step. [Memory] is the reference.
package store
