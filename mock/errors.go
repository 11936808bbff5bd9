package mock

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// ErrOptions is wrapped by every error of [NewProvider]: the options
// contradict each other, or ask for something impossible. The text says which
// field and why.
var ErrOptions = errors.New("mock: impossible options")

// ErrStarted is returned by [Provider.Start] when the provider is served
// already.
var ErrStarted = errors.New("mock: provider is started already")

// ErrClosed is returned by [Provider.Start] after [Provider.Close].
var ErrClosed = errors.New("mock: provider is closed")

// errNoResponder is what a responder gives that was to hand on to nil.
var errNoResponder = errors.New("mock: the responder is nil")

// errRefused is what a dial gives when nobody listens.
func errRefused() error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: loopback(), Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

// errReset is what a read gives when the peer has reset the connection.
func errReset() error {
	return &net.OpError{Op: "read", Net: "tcp", Source: loopback(), Addr: loopback(), Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

func loopback() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
