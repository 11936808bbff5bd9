// Outage shows what clients do to a server that fails, beside their peers on
// the same fake server and in the same run:
//
//	GOWORK=off go run . -out ../../docs/performance
//
// There are two stories. In an outage every client begins an operation every
// 100 ms while the server answers 503 for two seconds; then no more are begun,
// and the server serves two requests a second for each client and refuses the
// rest at once. A perfect crowd would be through in ten seconds. With -every the
// same is asked of fewer, busier clients, or of more that are idle. In a brown-out
// each request fails with a probability of 30 % for a minute, at a load of half
// of what the server can serve. In both the application calls an operation
// again, 500 ms ± 50 % after an error, until it is applied.
//
// And there are two worlds: virtual, in the time of testing/synctest and in
// memory, for thousands of clients; and sockets, over loopback in real time.
// Each client is an instance of its own, as if in a process of its own: an SDK
// client, its budget, its connections.
//
// Peers run with their defaults, of which only logging and telemetry are
// switched off. Each call carries the operation's key, the same at every call
// again, whoever makes it: more than these SDKs do by themselves, and kind to
// those that would otherwise double their effects. aws-sdk-go-v2 is its SQS
// client, signing included, in its standard mode: three attempts, and a bucket
// of 500 tokens of which a retry takes five. stripe-go does not try again what
// was answered with a JSON error, so here it does as net/http does.
//
// What is drawn by lot here, the clients' phases, the application's pauses and
// which requests fail, follows -seed and is the same for all peers. The jitter
// inside the SDKs cannot be seeded, so runs differ a little.
package main
