//go:build race

package soak_test

// usual is how many operations are made where nobody says otherwise: enough for
// every fault to come several times. Everything takes ten times as long here.
const usual = 5_000
