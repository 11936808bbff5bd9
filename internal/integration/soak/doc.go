// Package soak makes many operations over real sockets to a server that fails
// in every way that is known, and looks at what is left of them: the outcomes,
// beside the server's own ledger, and goroutines, connections and memory.
// There is nothing here but tests:
//
//	go test ./internal/integration/soak -operations 200000
package soak
