// Bench measures what operations that are written down cost, beside peers on
// the same machine in the same run, and says which budgets are met:
//
//	go run ./internal/integration/bench -out docs/performance
//
// It writes a CSV file for each measurement, summary.csv and plots. Times of a
// shared machine vary, so what is compared is measured in turn, and what counts
// are the ratios. Databases lie in -dir, which must be on the disk that is
// meant; ten million records need about 10 GB there. -only and smaller -records
// give a quick look.
//
// The measurement calls compares one call, without a database, with what other
// clients make of it; -tags peers adds typed SDKs, which take minutes to compile:
//
//	go run -tags peers ./internal/integration/bench -only calls -out docs/performance
package main
