//go:build !race

package soak_test

// usual is how many operations are made where nobody says otherwise: enough for
// every fault to come several times.
const usual = 20_000
