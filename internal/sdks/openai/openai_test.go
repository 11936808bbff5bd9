package openai_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/internal/sdks/sdktest"
	"github.com/retrysafe/retrysafe/mock"
)

var sdk = &sdktest.SDK{
	Origin:  "https://api.openai.com",
	Profile: openAI(),
	Mock:    mock.Options{Effect: completion},
	Command: "chat.completions.create", ID: "order-1234/summary", Made: "chatcmpl-eff_1",
	Keyless: true, Durable: true,
	Alone: func(hc *http.Client) sdktest.Call {
		return call(openai.NewClient(option.WithAPIKey("sk-1"), option.WithHTTPClient(hc)))
	},
	Under: func(transport http.RoundTripper) sdktest.Call { return call(newOpenAI(transport, "sk-1")) },
}

var params = openai.ChatCompletionNewParams{
	Model:    openai.ChatModelGPT5_4Mini,
	Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Say yes.")},
}

func call(oc openai.Client) sdktest.Call {
	return func(ctx context.Context) (string, error) {
		made, err := oc.Chat.Completions.New(ctx, params)
		if err != nil {
			return "", err
		}
		return made.ID, nil
	}
}

func completion(r mock.Request) mock.Reply {
	return mock.JSON(200, map[string]any{
		"id": "chatcmpl-" + r.EffectID, "object": "chat.completion", "created": 1, "model": "gpt-5.4-mini",
		"choices": []any{map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": "yes"}}},
	})
}

const (
	broken  = `{"error":{"message":"The server had an error.","type":"server_error","param":null,"code":null}}`
	busy    = `{"error":{"message":"Conflict.","type":"conflict","param":null,"code":null}}`
	tooMany = `{"error":{"message":"Rate limit reached.","type":"requests","param":null,"code":"rate_limit_exceeded"}}`
	invalid = `{"error":{"message":"Too long.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`
)

// stopped is a call that nobody may send again: there is no key.
func stopped(outcome retrysafe.Outcome, effects int) sdktest.Under {
	return sdktest.Under{Attempts: 1, Effects: effects, Err: true, Outcome: outcome}
}

var cases = []sdktest.Case{
	sdktest.On("none", sdktest.Fine(1), sdktest.Once(1)),
	sdktest.On("429", sdktest.Fine(2), sdktest.Once(2), sdktest.JSON(429, tooMany)),
	sdktest.On("500 in JSON, before the effect", sdktest.Fine(2), stopped(retrysafe.Unknown, 0), sdktest.JSON(500, broken)),
	sdktest.On("500 in JSON, after the effect", sdktest.Doubles(2), stopped(retrysafe.Unknown, 1), mock.FailAfterEffect(500)),
	sdktest.On("503 with Retry-After", sdktest.Fine(2), stopped(retrysafe.Unknown, 0), mock.Unavailable("1")),
	sdktest.On("409", sdktest.Fine(2), stopped(retrysafe.NotApplied, 0), sdktest.JSON(409, busy)),
	sdktest.On("connection reset after the effect", sdktest.Doubles(2), stopped(retrysafe.Unknown, 1), mock.ResetAfterEffect()),
	sdktest.On("answer cut in its body", sdktest.GivesUp(1, 1, 2), stopped(retrysafe.Applied, 1), mock.CutBody(20)),
}

func TestWithoutAKeyNothingIsPaidForTwice(t *testing.T) { sdk.Run(t, cases) }

// keyed is a gateway of the application's own between it and OpenAI, which
// dedupes by the header Idempotency-Key.
func keyed(own sdktest.SDK) *sdktest.SDK {
	own.Profile, own.Keyless, own.Durable = retrysafe.Profile{Name: "gateway"}, false, false
	return &own
}

var keyedCases = []sdktest.Case{
	sdktest.On("500 in JSON, before the effect", sdktest.Fine(2), sdktest.Once(2), sdktest.JSON(500, broken)),
	sdktest.On("500 in JSON, after the effect", sdktest.Doubles(2), sdktest.Once(2), mock.FailAfterEffect(500)),
	sdktest.On("503 with Retry-After", sdktest.Fine(2), sdktest.Once(2), mock.Unavailable("1")),
	sdktest.On("409, the key is in flight", sdktest.Fine(2), sdktest.Once(2), mock.KeyInFlight(1)),
	sdktest.On("connection reset after the effect", sdktest.Doubles(2), sdktest.Once(2), mock.ResetAfterEffect()),
	sdktest.On("answer cut in its body", sdktest.GivesUp(1, 1, 2), sdktest.Once(2), mock.CutBody(20)),
}

func TestBehindAGatewayWithKeysEveryFaultEndsInOneEffect(t *testing.T) {
	keyed(*sdk).Run(t, keyedCases)
}

func openAISays(status int, code string) func(error) bool {
	return func(err error) bool {
		var e *openai.Error
		return errors.As(err, &e) && e.StatusCode == status && e.Code == code
	}
}

func TestARefusalIsOpenAIsOwnError(t *testing.T) {
	sdk.Declines(t, sdktest.JSON(400, invalid), retrysafe.Unknown, openAISays(400, "context_length_exceeded"))
}

func TestOnlyTheClientsLoopTriesAgain(t *testing.T) {
	sdk.CountsAttempts(t, sdktest.JSON(429, tooMany), openAISays(429, "rate_limit_exceeded"))
}

func TestAProcessThatBeginsAgainIsGivenTheRecordedAnswer(t *testing.T) { sdk.Restarts(t) }

// TestWithoutANameTheSDKIsAsItWas: its own retries, switched on for the call, and
// their doubles.
func TestWithoutANameTheSDKIsAsItWas(t *testing.T) {
	p := sdk.Start(t, mock.FailAfterEffect(500))
	oc := newOpenAI(sdk.Over(t, sdk.Client(t, p, nil, nil)), "sk-1")
	made, err := oc.Chat.Completions.New(t.Context(), params, option.WithMaxRetries(2))
	if err != nil || made.ID != "chatcmpl-eff_2" || p.EffectCount() != 2 || len(p.Requests()) != 2 {
		t.Errorf("%v, %v, %d effects in %d requests, want 2 in 2", made, err, p.EffectCount(), len(p.Requests()))
	}
}

// TestTheGuidesSummarySaysHowItEnded: the function that the guide shows.
func TestTheGuidesSummarySaysHowItEnded(t *testing.T) {
	p := sdk.Start(t, sdktest.JSON(400, invalid), mock.Pass(), mock.FailAfterEffect(500))
	oc := newOpenAI(sdk.Over(t, sdk.Client(t, p, nil, sdktest.NewStore())), "sk-1")
	for _, c := range []struct {
		name    string
		outcome retrysafe.Outcome
	}{{"refused", retrysafe.NotApplied}, {"done", retrysafe.Applied}, {"in doubt", retrysafe.Unknown}} {
		text, err := summarize(t.Context(), oc, c.name, "a long text")
		if retrysafe.OutcomeOf(err) != c.outcome || (text == "yes") != (err == nil) {
			t.Errorf("%s: %q, %v, want %v", c.name, text, err, c.outcome)
		}
	}
}

func TestTheGuideIsWhatIsTestedHere(t *testing.T) {
	sdktest.Page(t, "../../../docs/sdks/openai.md", slices.Concat(cases, streamCases, cutCases, keyedCases, keyedStreamCases)...)
}
