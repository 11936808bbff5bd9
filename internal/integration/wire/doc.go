// Package wire proves on real sockets what package retrysafe says of an attempt
// that was not answered: not sent, refused by protocol, maybe sent, or no
// information. Every test has a server that counts the requests it was given,
// and makes it fail in one way. There is nothing here but tests.
package wire
