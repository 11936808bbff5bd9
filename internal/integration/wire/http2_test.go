package wire_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2"

	"github.com/retrysafe/retrysafe"
)

// multiplexed is trusting, and speaks HTTP/2.
func multiplexed() *http.Transport {
	transport := trusting()
	transport.ForceAttemptHTTP2 = true
	return transport
}

var refusedByProtocol = want{retrysafe.RefusedByProtocol, 1, 1}

func TestRefusedByProtocolWhenTheStreamIsRefused(t *testing.T) {
	for name, s := range map[string]setup{
		"keyless":                        {key: keyless},
		"keyed, one delivery is allowed": {maxDeliveries: 1},
	} {
		t.Run(name, func(t *testing.T) {
			nothingLeft(t)
			o := startFramed(t, resets(http2.ErrCodeRefusedStream))
			s.origin, s.url, s.transport = o, o.https(), multiplexed()
			refusedByProtocol.check(t, s.fail(t.Context(), t), o.count())
		})
	}
}

// With a key net/http sends a refused request again by itself: once at once,
// then after a second, which passes in virtual time here.
func TestRefusedByProtocolWhenTheStreamIsRefusedAgainAndAgain(t *testing.T) {
	authority() // made in real time
	synctest.Test(t, func(t *testing.T) {
		o := &origin{}
		t.Cleanup(func() { o.released(t) })
		transport := multiplexed()
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			o.open.Add(1)
			go o.serve(buffered(theirs), serverTLS(http2.NextProtoTLS), speakFrames(resets(http2.ErrCodeRefusedStream)))
			return ours, nil
		}
		e := setup{origin: o, url: "https://127.0.0.1", transport: transport}.fail(t.Context(), t)
		want{retrysafe.RefusedByProtocol, 2, 2}.check(t, e, o.count())
		if !errors.Is(e, retrysafe.ErrDeliveryLimit) {
			t.Errorf("error is %v, want ErrDeliveryLimit", e)
		}
	})
}

func TestAStreamRefusedOnceIsSentAgainWithinTheAttempt(t *testing.T) {
	nothingLeft(t)
	o := startFramed(t, eachRequest(func(f *framed, stream uint32) {
		if stream == 1 {
			f.WriteRSTStream(stream, http2.ErrCodeRefusedStream)
			return
		}
		f.answer(stream, "200")
	}))
	res, err := pay.Do(t.Context(), setup{origin: o, url: o.https(), transport: multiplexed()}.client(t), "order-1", payment{})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Attempts) != 1 || res.Attempts[0].Deliveries != 2 || o.count() != 2 {
		t.Errorf("%d attempts, the first of %d deliveries; server was given %d", len(res.Attempts), res.Attempts[0].Deliveries, o.count())
	}
}

// A replay on the same connection follows only what the server did not process.
func TestARefusedStreamIsNotInDoubtWhenItsReplayIsRefusedToo(t *testing.T) {
	nothingLeft(t)
	o := startFramed(t, eachRequest(func(f *framed, stream uint32) {
		if stream == 1 {
			f.WriteRSTStream(stream, http2.ErrCodeRefusedStream)
			return
		}
		f.answer(stream, "400")
	}))
	e := setup{origin: o, url: o.https(), transport: multiplexed()}.fail(t.Context(), t)
	if e.Outcome != retrysafe.NotApplied || e.Attempts[0].Deliveries != 2 {
		t.Errorf("%v after %d deliveries, want not applied after 2", e.Outcome, e.Attempts[0].Deliveries)
	}
}

func TestRefusedByProtocolWhenGoawayIsBelowTheStream(t *testing.T) {
	goaway := func(code http2.ErrCode) func(*framed) {
		return func(f *framed) {
			f.nextRequest()
			f.WriteGoAway(0, code, []byte("overloaded"))
			f.untilGone()
		}
	}
	t.Run("with an error", func(t *testing.T) {
		eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
			nothingLeft(t)
			o := startFramed(t, goaway(http2.ErrCodeEnhanceYourCalm))
			refusedByProtocol.check(t, setup{origin: o, url: o.https(), key: key, transport: multiplexed()}.fail(t.Context(), t), o.count())
		})
	})
	t.Run("graceful, keyless", func(t *testing.T) {
		nothingLeft(t)
		o := startFramed(t, goaway(http2.ErrCodeNo))
		refusedByProtocol.check(t, setup{origin: o, url: o.https(), key: keyless, transport: multiplexed()}.fail(t.Context(), t), o.count())
	})
	t.Run("graceful, keyed, over and over", func(t *testing.T) {
		nothingLeft(t)
		o := startFramed(t, goaway(http2.ErrCodeNo))
		// net/http dials again after it as after PROTOCOL_ERROR, and tells
		// nobody which of them it was.
		e := setup{origin: o, url: o.https(), transport: multiplexed()}.fail(t.Context(), t)
		want{retrysafe.MaybeSent, 2, 2}.check(t, e, o.count())
	})
}

func TestARequestBelowAGracefulGoawayIsAnsweredOnAnotherConnection(t *testing.T) {
	nothingLeft(t)
	o := startFramed(t, func(f *framed) {
		stream, _ := f.nextRequest()
		if f.number == 1 {
			f.WriteGoAway(0, http2.ErrCodeNo, nil)
		} else {
			f.answer(stream, "200")
		}
		f.untilGone()
	})
	res, err := pay.Do(t.Context(), setup{origin: o, url: o.https(), transport: multiplexed()}.client(t), "order-1", payment{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Attempts[0].Deliveries != 2 || o.count() != 2 {
		t.Errorf("%d deliveries, server was given %d, want 2", res.Attempts[0].Deliveries, o.count())
	}
}

func TestMaybeSentWhenGoawayIncludesTheStream(t *testing.T) {
	for name, debug := range map[string]string{
		"plain":               "",
		"imitating a refusal": "http2: Transport received GOAWAY from server ErrCode:7",
		"imitating a reset":   "http2: Transport: cannot retry err [stream error: stream ID 1; REFUSED_STREAM; x]",
	} {
		t.Run(name, func(t *testing.T) {
			eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
				nothingLeft(t)
				o := startFramed(t, func(f *framed) {
					stream, _ := f.nextRequest()
					f.WriteGoAway(stream, http2.ErrCodeInternal, []byte(debug))
				})
				e := setup{origin: o, url: o.https(), key: key, transport: multiplexed()}.fail(t.Context(), t)
				want{retrysafe.MaybeSent, 1, 1}.check(t, e, o.count())
			})
		})
	}
}

func TestMaybeSentWhenTheStreamIsResetForAnotherReason(t *testing.T) {
	for _, code := range []http2.ErrCode{http2.ErrCodeInternal, http2.ErrCodeCancel, http2.ErrCodeNo, http2.ErrCodeEnhanceYourCalm, 99} {
		t.Run(code.String(), func(t *testing.T) {
			eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
				nothingLeft(t)
				o := startFramed(t, resets(code))
				e := setup{origin: o, url: o.https(), key: key, transport: multiplexed()}.fail(t.Context(), t)
				want{retrysafe.MaybeSent, 1, 1}.check(t, e, o.count())
			})
		})
	}
}

// Without a limit the server would be given hundreds of them.
func TestProtocolErrorsAreDeliveredNoMoreThanTheLimit(t *testing.T) {
	for name, row := range map[string]struct {
		setup
		limit int
	}{
		"keyed":                   {setup{}, 2},
		"keyed by another header": {setup{key: renamed}, 2},
		"keyed, limit of one":     {setup{maxDeliveries: 1}, 1},
		"keyed, limit of five":    {setup{maxDeliveries: 5}, 5},
		"keyless":                 {setup{key: keyless}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			nothingLeft(t)
			o := startFramed(t, resets(http2.ErrCodeProtocol))
			row.origin, row.url, row.transport = o, o.https(), multiplexed()
			e := row.fail(t.Context(), t)
			want{retrysafe.MaybeSent, row.limit, row.limit}.check(t, e, o.count())
		})
	}
}

func TestMaybeSentWhenTheConnectionIsClosed(t *testing.T) {
	for name, end := range map[string]func(*framed){
		"with TLS's goodbye": func(*framed) {}, "without": (*framed).closeTCP, "by a reset": func(f *framed) { f.reset() },
	} {
		t.Run(name, func(t *testing.T) {
			eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
				nothingLeft(t)
				o := startFramed(t, func(f *framed) {
					f.nextRequest()
					end(f)
				})
				e := setup{origin: o, url: o.https(), key: key, transport: multiplexed()}.fail(t.Context(), t)
				want{retrysafe.MaybeSent, 1, 1}.check(t, e, o.count())
			})
		})
	}
}

func TestMaybeSentToASilentServerOverHTTP2(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		ctx, cancel := cancelled(t)
		o := startFramed(t, eachRequest(func(*framed, uint32) { cancel() }))
		e := setup{origin: o, url: o.https(), key: key, transport: multiplexed()}.fail(ctx, t)
		want{retrysafe.MaybeSent, 1, 1}.check(t, e, o.count())
	})
}
