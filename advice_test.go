package retrysafe_test

import (
	"math"
	"math/big"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

// arrival is when the answers of these tests arrive.
var arrival = time.Date(2026, time.July, 14, 9, 30, 0, 0, time.UTC)

// headerOf makes a header of names and values in turn.
func headerOf(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestRetryAfterIsReadInAllItsForms(t *testing.T) {
	const s = time.Second
	tests := []struct {
		value string
		want  time.Duration
	}{
		{"0", 0},
		{"120", 120 * s},
		{"007", 7 * s},
		{"1.5", 1500 * time.Millisecond},
		{"0.000000001", 1},
		{"0.0000000019", 1},
		{"2.000000000000000000000000000000001", 2 * s},
		{" 5", 5 * s},
		{"5\t ", 5 * s},
		{"2147483647", 2147483647 * s},
		{"9223372036", 9223372036 * s},
		{"9223372036.854775807", longestWait},
		{"9223372036.854775806", longestWait - 1},
		{"9223372036.9", longestWait},
		{"9223372037", longestWait},
		{"99999999999999", longestWait},
		{"9223372036854775807", longestWait},
		{"9223372036854775808", longestWait},
		{"18446744073709551616", longestWait},
		{"18446744073709551617.5", longestWait},
		{strings.Repeat("9", 5000), longestWait},
		{strings.Repeat("0", 5000) + "3", 3 * s},
		{"Tue, 14 Jul 2026 09:30:07 GMT", 7 * s},
		{"Tuesday, 14-Jul-26 09:30:07 GMT", 7 * s},
		{"Tue Jul 14 09:30:07 2026", 7 * s},
		{"  Tue, 14 Jul 2026 09:30:07 GMT ", 7 * s},
		{"Tue, 14 Jul 2026 09:30:00 GMT", 0},
		{"Tue, 14 Jul 2026 09:29:59 GMT", 0},
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Fri, 31 Dec 9999 23:59:59 GMT", longestWait},
	}
	for _, tt := range tests {
		got, ok := retrysafe.AdviceOf(headerOf("Retry-After", tt.value), nil, arrival)
		if !ok || got != tt.want {
			t.Errorf("Retry-After: %.50q advises %v, %v, want %v", tt.value, got, ok, tt.want)
		}
	}
}

var unreadable = []string{
	"", " ", "-1", "-0", "+5", "- 1", "0x10", "0X1p4", "1e3", "1E3", "NaN", "nan", "Inf", "+Inf", "-Inf", "Infinity",
	"1_000", "1,000", "5, 10", "1.", ".5", ".", "1.-5", "1.5.2", "1.5e3", "5s", "5 s", "1 2", "soon", "null", "\x00", "5\n", "٥",
	"Tue, 14 Jul 2026", "2026-07-14T09:30:07Z", "Tue, 32 Jul 2026 09:30:07 GMT", "Tue, 14 Jul 2026 25:30:07 GMT",
	"Tue, 14 Jul 2026 09:30:07 GMT, Tue, 14 Jul 2026 09:30:07 GMT",
	"Tue, 14 Jul 2026 09:30:07.0000000000000 GMT", strings.Repeat("x", 5000), strings.Repeat("9", 5000) + "x",
}

func TestWhatIsNoAdviceIsIgnoredInEveryUnit(t *testing.T) {
	for unit := retrysafe.AdviceRetryAfter; unit <= retrysafe.AdviceDate; unit++ {
		for _, value := range unreadable {
			more := []retrysafe.Advice{{Header: "X-Wait", Unit: unit}}
			if got, ok := retrysafe.AdviceOf(headerOf("X-Wait", value), more, arrival); ok || got != 0 {
				t.Errorf("unit %d: %.50q advises %v, %v", unit, value, got, ok)
			}
		}
	}
}

func TestEveryUnitReadsItsOwnForm(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	tests := []struct {
		name  string
		unit  retrysafe.AdviceUnit
		value string
		want  time.Duration
		ok    bool
	}{
		{"either form, seconds", retrysafe.AdviceRetryAfter, "2.5", 2500 * ms, true},
		{"either form, date", retrysafe.AdviceRetryAfter, "Tue, 14 Jul 2026 09:30:07 GMT", 7 * s, true},
		{"seconds", retrysafe.AdviceSeconds, "2.5", 2500 * ms, true},
		{"seconds, not a date", retrysafe.AdviceSeconds, "Tue, 14 Jul 2026 09:30:07 GMT", 0, false},
		{"milliseconds", retrysafe.AdviceMilliseconds, "1500", 1500 * ms, true},
		{"milliseconds with a fraction", retrysafe.AdviceMilliseconds, "0.25", 250 * time.Microsecond, true},
		{"milliseconds, the most", retrysafe.AdviceMilliseconds, "9223372036854", 9223372036854 * ms, true},
		{"milliseconds, too many", retrysafe.AdviceMilliseconds, "9223372036855", longestWait, true},
		{"milliseconds, not a date", retrysafe.AdviceMilliseconds, "Tue, 14 Jul 2026 09:30:07 GMT", 0, false},
		{"instant", retrysafe.AdviceUnixSeconds, strconv.FormatInt(arrival.Unix()+7, 10), 7 * s, true},
		{"instant with a fraction", retrysafe.AdviceUnixSeconds, strconv.FormatInt(arrival.Unix(), 10) + ".5", 500 * ms, true},
		{"instant, now", retrysafe.AdviceUnixSeconds, strconv.FormatInt(arrival.Unix(), 10), 0, true},
		{"instant, past", retrysafe.AdviceUnixSeconds, "0", 0, true},
		{"instant in milliseconds by mistake", retrysafe.AdviceUnixSeconds, strconv.FormatInt(arrival.UnixMilli(), 10), longestWait, true},
		{"instant, the last number", retrysafe.AdviceUnixSeconds, strconv.Itoa(math.MaxInt64), longestWait, true},
		{"instant, no number is too long", retrysafe.AdviceUnixSeconds, strings.Repeat("9", 100), longestWait, true},
		{"date", retrysafe.AdviceDate, "Tue, 14 Jul 2026 09:30:07 GMT", 7 * s, true},
		{"date, not seconds", retrysafe.AdviceDate, "7", 0, false},
		{"unknown unit, unvalidated", retrysafe.AdviceDate + 1, "7", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			more := []retrysafe.Advice{{Header: "x-wait", Unit: tt.unit}}
			got, ok := retrysafe.AdviceOf(headerOf("X-Wait", tt.value), more, arrival)
			if got != tt.want || ok != tt.ok {
				t.Errorf("%q advises %v, %v, want %v, %v", tt.value, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestTheFirstReadableAdviceCounts(t *testing.T) {
	more := []retrysafe.Advice{
		{Header: "X-Wait", Unit: retrysafe.AdviceSeconds},
		{Header: "X-RateLimit-Reset", Unit: retrysafe.AdviceUnixSeconds},
	}
	reset := strconv.FormatInt(arrival.Unix()+40, 10)
	const s = time.Second
	tests := []struct {
		name   string
		header http.Header
		want   time.Duration
		ok     bool
	}{
		{"no header at all", nil, 0, false},
		{"nothing said", headerOf("Content-Type", "text/plain"), 0, false},
		{"milliseconds first", headerOf("X-RateLimit-Reset", reset, "X-Wait", "30", "Retry-After", "20", "Retry-After-Ms", "10000"), 10 * s, true},
		{"then Retry-After", headerOf("X-RateLimit-Reset", reset, "X-Wait", "30", "Retry-After", "20"), 20 * s, true},
		{"then the profile's first", headerOf("X-RateLimit-Reset", reset, "X-Wait", "30"), 30 * s, true},
		{"then the profile's second", headerOf("X-RateLimit-Reset", reset), 40 * s, true},
		{"unreadable ones are passed over", headerOf("Retry-After-Ms", "-1", "Retry-After", "1e3", "X-Wait", "soon", "X-RateLimit-Reset", reset), 40 * s, true},
		{"nothing readable", headerOf("Retry-After-Ms", "x", "Retry-After", "x", "X-Wait", "x", "X-RateLimit-Reset", "x"), 0, false},
		{"the first value of several", headerOf("Retry-After", "1", "Retry-After", "2"), 1 * s, true},
		{"the first readable value of several", headerOf("Retry-After", "", "Retry-After", "-5", "Retry-After", "3", "Retry-After", "4"), 3 * s, true},
		{"no wait is advice too", headerOf("Retry-After-Ms", "0", "Retry-After", "20"), 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := retrysafe.AdviceOf(tt.header, more, arrival)
			if got != tt.want || ok != tt.ok {
				t.Errorf("advises %v, %v, want %v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestAnInstantIsMeasuredAgainstTheClockThatMadeIt(t *testing.T) {
	// The server's clock is an hour ahead; it means 7 seconds.
	const instant = "Tue, 14 Jul 2026 10:30:07 GMT"
	unix := strconv.FormatInt(arrival.Add(time.Hour+7*time.Second).Unix(), 10)
	more := []retrysafe.Advice{
		{Header: "X-Date", Unit: retrysafe.AdviceDate},
		{Header: "X-Unix", Unit: retrysafe.AdviceUnixSeconds},
		{Header: "X-Seconds", Unit: retrysafe.AdviceSeconds},
	}
	tests := []struct {
		name, date string
		want       time.Duration
	}{
		{"the answer's date", "Tue, 14 Jul 2026 10:30:00 GMT", 7 * time.Second},
		{"the answer's date, RFC 850", "Tuesday, 14-Jul-26 10:30:00 GMT", 7 * time.Second},
		{"no date", "", time.Hour + 7*time.Second},
		{"a malformed date", "yesterday", time.Hour + 7*time.Second},
		{"a date after the instant", "Wed, 15 Jul 2026 10:30:00 GMT", 0},
		{"a date of a dead clock", "Mon, 01 Jan 0001 00:00:00 GMT", longestWait},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, h := range []http.Header{headerOf("Retry-After", instant), headerOf("X-Date", instant), headerOf("X-Unix", unix)} {
				h.Set("Date", tt.date)
				if got, ok := retrysafe.AdviceOf(h, more, arrival); !ok || got != tt.want {
					t.Errorf("%v advises %v, %v, want %v", h, got, ok, tt.want)
				}
			}
			// Seconds from now need no clock.
			for _, h := range []http.Header{headerOf("Retry-After", "7"), headerOf("Retry-After-Ms", "7000"), headerOf("X-Seconds", "7")} {
				h.Set("Date", tt.date)
				if got, ok := retrysafe.AdviceOf(h, more, arrival); !ok || got != 7*time.Second {
					t.Errorf("%v advises %v, %v, want 7s", h, got, ok)
				}
			}
		})
	}
}

func TestAdviceIsValidated(t *testing.T) {
	tests := []struct {
		name   string
		advice retrysafe.Advice
		valid  bool
	}{
		{"a name alone", retrysafe.Advice{Header: "X-Wait"}, true},
		{"the last unit", retrysafe.Advice{Header: "X-Wait", Unit: retrysafe.AdviceDate}, true},
		{"no name", retrysafe.Advice{Unit: retrysafe.AdviceSeconds}, false},
		{"not a name", retrysafe.Advice{Header: "X Wait"}, false},
		{"unit below", retrysafe.Advice{Header: "X-Wait", Unit: -1}, false},
		{"unit above", retrysafe.Advice{Header: "X-Wait", Unit: retrysafe.AdviceDate + 1}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantValid(t, tt.advice.Validate(), tt.valid) })
	}
}

func TestJitterIsAddedToAdviceAndNeverTakenOff(t *testing.T) {
	b := retrysafe.Backoff{Base: 4, Cap: 8}
	tests := []struct {
		name    string
		attempt int
		advice  time.Duration
		advised bool
		from    time.Duration // the shortest wait, drawn sooner or later
		to      time.Duration // the longest
	}{
		{"not advised", 1, 0, false, 0, 4},
		{"not advised, later", 2, 0, false, 0, 8},
		{"a remainder of advice is not looked at", 1, time.Hour, false, 0, 4},
		{"advised", 1, time.Second, true, time.Second, time.Second + 4},
		{"advised, later", 9, time.Second, true, time.Second, time.Second + 8},
		{"advised not to wait", 1, 0, true, 0, 4},
		{"the sum saturates", 2, longestWait - 3, true, longestWait - 3, longestWait},
		{"the longest advice", 1, longestWait, true, longestWait, longestWait},
		{"negative, which adviceOf never gives", 1, -time.Second, true, 0, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := map[time.Duration]bool{}
			// A wait of nine that is drawn at random is missed a thousand times with a probability of 1e-51.
			for range 1000 {
				got := b.After(tt.attempt, tt.advice, tt.advised)
				if got < tt.from || got > tt.to {
					t.Fatalf("waits %d, want %d to %d", got, tt.from, tt.to)
				}
				seen[got] = true
			}
			if !seen[tt.from] || !seen[tt.to] {
				t.Errorf("never waits as little as %d or as much as %d", tt.from, tt.to)
			}
		})
	}
}

func TestWithoutJitterTheAdviceAloneCounts(t *testing.T) {
	b := retrysafe.Backoff{Base: 4, Cap: 8, Jitter: retrysafe.NoJitter}
	for _, advice := range []time.Duration{0, 1, time.Second, longestWait} {
		if got := b.After(3, advice, true); got != advice {
			t.Errorf("advised to wait %d, waits %d", advice, got)
		}
	}
	if got := b.After(2, time.Second, false); got != 8 {
		t.Errorf("not advised, waits %d, want 8", got)
	}
	if got := b.After(1, -time.Second, true); got != 0 {
		t.Errorf("advised a negative wait, waits %d, want 0", got)
	}
}

func TestSecondsAreReadWithoutAllocating(t *testing.T) {
	more := []retrysafe.Advice{{Header: "X-Ratelimit-Reset", Unit: retrysafe.AdviceUnixSeconds}}
	h := headerOf("Retry-After", "120", "Date", "Tue, 14 Jul 2026 09:30:00 GMT")
	if n := testing.AllocsPerRun(100, func() { retrysafe.AdviceOf(h, more, arrival) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAdviceOf(b *testing.B) {
	for name, value := range map[string]string{"seconds": "120", "date": "Tue, 14 Jul 2026 09:30:07 GMT", "garbage": "soon"} {
		h := headerOf("Retry-After", value)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				retrysafe.AdviceOf(h, nil, arrival)
			}
		})
	}
}

var plainDecimal = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

// FuzzRetryAfter holds the reading of a value in every unit against arithmetic that cannot overflow and against
// http.ParseTime.
func FuzzRetryAfter(f *testing.F) {
	for _, value := range append(unreadable,
		"9223372037", "99999999999999", " 5", "1.5", "2147483647", "0.999999999999",
		"Tue, 14 Jul 2026 09:30:07 GMT", "Tuesday, 14-Jul-26 09:30:07 GMT", "Tue Jul 14 09:30:07 2026",
	) {
		f.Add(value, "")
	}
	f.Add("Tue, 14 Jul 2026 09:30:07 GMT", "Tue, 14 Jul 2026 10:30:00 GMT")
	f.Add("Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT")
	f.Fuzz(func(t *testing.T, value, date string) {
		answered := arrival
		if parsed, ok := dateSlowly(date); ok {
			answered = parsed
		}
		for unit := retrysafe.AdviceRetryAfter; unit <= retrysafe.AdviceDate; unit++ {
			more := []retrysafe.Advice{{Header: "X-Wait", Unit: unit}}
			got, ok := retrysafe.AdviceOf(headerOf("X-Wait", value, "Date", date), more, arrival)
			want, wantOK := readSlowly(strings.Trim(value, " \t"), unit, answered)
			if got != want || ok != wantOK {
				t.Errorf("unit %d: %q dated %q advises %d, %v, want %d, %v", unit, value, date, got, ok, want, wantOK)
			}
			if got < 0 {
				t.Errorf("unit %d: %q advises a negative wait, %d", unit, value, got)
			}
		}
		if n, err := strconv.ParseUint(value, 10, 31); err == nil {
			if got, _ := retrysafe.AdviceOf(headerOf("Retry-After", value), nil, arrival); got != time.Duration(n)*time.Second {
				t.Errorf("Retry-After: %s advises %v", value, got)
			}
		}
	})
}

// readSlowly is what a value means in a unit, said in another way than by the package.
func readSlowly(value string, unit retrysafe.AdviceUnit, answered time.Time) (time.Duration, bool) {
	if !plainDecimal.MatchString(value) {
		instant, ok := dateSlowly(value)
		if !ok || unit != retrysafe.AdviceDate && unit != retrysafe.AdviceRetryAfter {
			return 0, false
		}
		return max(instant.Sub(answered), 0), true
	}
	number, _ := new(big.Rat).SetString(value)
	switch unit {
	case retrysafe.AdviceRetryAfter, retrysafe.AdviceSeconds:
		number.Mul(number, big.NewRat(1e9, 1))
	case retrysafe.AdviceMilliseconds:
		// What is below a billionth of a millisecond is no matter.
		number.Mul(number, big.NewRat(1e6, 1))
	case retrysafe.AdviceUnixSeconds:
		number.Mul(number, big.NewRat(1e9, 1))
		since := new(big.Int).Mul(big.NewInt(answered.Unix()), big.NewInt(1e9))
		since.Add(since, big.NewInt(int64(answered.Nanosecond())))
		number.Sub(number, new(big.Rat).SetInt(since))
	case retrysafe.AdviceDate:
		return 0, false
	}
	whole := new(big.Int).Div(number.Num(), number.Denom())
	switch {
	case whole.Sign() < 0:
		return 0, true
	case !whole.IsInt64():
		return longestWait, true
	}
	return time.Duration(whole.Int64()), true
}

// dateSlowly reads an HTTP date. Longer ones, which http.ParseTime reads for their spaces and fractions, are none.
func dateSlowly(value string) (time.Time, bool) {
	instant, err := http.ParseTime(value)
	return instant, err == nil && len(value) <= 40
}

func TestAdviceOfOneStatusIsNoAdviceWithAnother(t *testing.T) {
	more := []retrysafe.Advice{{Header: "RateLimit-Reset", Unit: retrysafe.AdviceSeconds, Status: 429}}
	h := http.Header{"Ratelimit-Reset": {"30"}}
	if wait, ok := retrysafe.AdviceOfStatus(429, h, more, time.Now()); !ok || wait != 30*time.Second {
		t.Errorf("with 429: %v, %t; want 30s", wait, ok)
	}
	if wait, ok := retrysafe.AdviceOfStatus(500, h, more, time.Now()); ok {
		t.Errorf("with 500: %v; want no advice", wait)
	}
}
