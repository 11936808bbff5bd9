// Package sdks shows other people's SDKs over a transport of retrysafe, against
// the mock provider on a loopback port. It is tests alone, and is not released.
package sdks
