package openai_test

import (
	"context"
	"errors"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/retrysafe/retrysafe"
)

// openAI: OpenAI documents no key for its requests.
func openAI() retrysafe.Profile {
	return retrysafe.Profile{
		Name: "openai", Key: retrysafe.KeyRules{Place: retrysafe.KeyNowhere},
		Code: []string{"/error/code", "/error/type"}, Message: []string{"/error/message"}, RequestID: []string{"X-Request-Id"},
	}
}

// newOpenAI returns openai-go over a transport of retrysafe.NewTransport.
func newOpenAI(transport http.RoundTripper, secret string) openai.Client {
	return openai.NewClient(
		option.WithAPIKey(secret),
		option.WithHTTPClient(&http.Client{Transport: transport}), // the one line
		option.WithMaxRetries(0),                                  // its own retries off
	)
}

// summarize pays for one completion of a name, however often it is called.
func summarize(ctx context.Context, oc openai.Client, name, text string) (string, error) {
	ctx, report := retrysafe.WithOperation(ctx, "chat.completions.create", name)
	made, err := oc.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{
		Model:    openai.ChatModelGPT5_4Mini,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Summarize: " + text)},
	})
	if err == nil && len(made.Choices) > 0 {
		return made.Choices[0].Message.Content, nil
	}
	return "", errors.Join(err, report.Err()) // retrysafe.OutcomeOf(report.Err()) says what may be done next
}

// recite hands on the pieces of a completion as they come.
func recite(ctx context.Context, oc openai.Client, name, text string, piece func(string)) error {
	ctx, report := retrysafe.WithOperation(ctx, "chat.completions.stream", name)
	stream := oc.Chat.Completions.NewStreaming(ctx, openai.ChatCompletionNewParams{
		Model:    openai.ChatModelGPT5_4Mini,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Recite: " + text)},
	})
	defer stream.Close()
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			piece(choice.Delta.Content)
		}
	}
	return errors.Join(stream.Err(), report.Err()) // applied means that the stream began
}
