package retrysafe

import (
	"context"
	"log/slog"
)

// LogTo returns an Observer that writes to a logger. The schema is in
// docs/observability.md: the messages are "retrysafe operation", "retrysafe
// attempt" and "retrysafe store", and no attribute has a credential, a whole key, a query, a header
// or a body. Operations that end Applied or NotApplied are Info, those that end
// Unknown are Warn, attempts and moves in the store are Debug, those that failed Warn. A nil logger gives an Observer that
// writes nothing.
func LogTo(logger *slog.Logger) Observer {
	if logger == nil {
		return observers(nil)
	}
	return logs{logger}
}

type logs struct{ to *slog.Logger }

func (l logs) OperationStart(ctx context.Context, _ OperationStart) context.Context { return ctx }

func (l logs) OperationEnd(ctx context.Context, e OperationEnd) {
	level := slog.LevelInfo
	if e.Outcome == Unknown {
		level = slog.LevelWarn
	}
	if !l.to.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("command", e.Operation.Command), slog.String("id", e.Operation.ID),
		slog.String("account", e.Operation.Account),
	}
	l.to.LogAttrs(ctx, level, "retrysafe operation", append(attrs, e.attrs()...)...)
}

func (l logs) AttemptStart(ctx context.Context, _ AttemptStart) context.Context { return ctx }

func (l logs) AttemptEnd(ctx context.Context, e AttemptEnd) {
	if !l.to.Enabled(ctx, slog.LevelDebug) {
		return
	}
	l.to.LogAttrs(ctx, slog.LevelDebug, "retrysafe attempt",
		slog.String("command", e.Operation.Command), slog.String("id", e.Operation.ID),
		slog.String("key", e.Key.hash()), slog.Any("attempt", e.Attempt))
}

func (l logs) StoreMoved(ctx context.Context, m StoreMove) {
	level := slog.LevelDebug
	if m.Err != nil {
		level = slog.LevelWarn
	}
	if !l.to.Enabled(ctx, level) {
		return
	}
	l.to.LogAttrs(ctx, level, "retrysafe store", slog.Any("store", m))
}
