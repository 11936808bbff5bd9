package sfv_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe/internal/sfv"
)

func TestQuote(t *testing.T) {
	for _, c := range []struct {
		value, field string
		err          error
	}{
		{"order-1234", `"order-1234"`, nil},
		{"", `""`, nil},
		{" a ", `" a "`, nil},
		{`a"b\c`, `"a\"b\\c"`, nil},
		{"a\tb", "", sfv.ErrCharacter},
		{"a\r\nX: y", "", sfv.ErrCharacter},
		{"a\x00", "", sfv.ErrCharacter},
		{"a\x7f", "", sfv.ErrCharacter},
		{"é", "", sfv.ErrCharacter},
	} {
		if got, err := sfv.Quote(c.value); got != c.field || !errors.Is(err, c.err) {
			t.Errorf("Quote(%q) = %q, %v, want %q, %v", c.value, got, err, c.field, c.err)
		}
	}
}

func TestUnquote(t *testing.T) {
	for _, c := range []struct {
		field, value string
		err          error
	}{
		{`"order-1234"`, "order-1234", nil},
		{`  "a"  `, "a", nil},
		{`"a\"b\\c"`, `a"b\c`, nil},
		{`"a";v=1;x="y;z";d=%"f%c3%bc";w=@-5;b=:YQ==:;t=*tok/en;f=?0;n=-1.25`, "a", nil},
		{`order-1234`, "", sfv.ErrNotString},
		{``, "", sfv.ErrNotString},
		{`"a`, "", sfv.ErrSyntax},
		{`"a\x"`, "", sfv.ErrSyntax},
		{`"a", "b"`, "", sfv.ErrSyntax},
		{`"a" ;v`, "", sfv.ErrSyntax},
		{`"a";`, "", sfv.ErrSyntax},
		{`"a";v=:Y:`, "", sfv.ErrSyntax},
		{`"a";v=:Y=Q:`, "", sfv.ErrSyntax},
		{`"a";v=%"%fg"`, "", sfv.ErrSyntax},
		{`"a";v=%`, "", sfv.ErrSyntax},
		{"\"a\x00\"", "", sfv.ErrSyntax},
	} {
		if got, err := sfv.Unquote(c.field); got != c.value || !errors.Is(err, c.err) {
			t.Errorf("Unquote(%q) = %q, %v, want %q, %v", c.field, got, err, c.value, c.err)
		}
	}
}

func TestErrorsDoNotShowTheKey(t *testing.T) {
	const secret = "s3cr3t"
	_, quoting := sfv.Quote(secret + "\n")
	_, bare := sfv.Unquote(secret)
	_, broken := sfv.Unquote(`"` + secret)
	for _, err := range []error{quoting, bare, broken} {
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%v: want an error that does not show the key", err)
		}
	}
}

func FuzzQuote(f *testing.F) {
	for _, value := range []string{"", "order-1234", `"\`, "a\x00", "é", strings.Repeat(`\"`, 100)} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		field, err := sfv.Quote(value)
		if err != nil {
			if field != "" || !errors.Is(err, sfv.ErrCharacter) {
				t.Fatalf("%q, %v", field, err)
			}
			return
		}
		for _, sent := range []string{field, " " + field + "  ", field + "; a=1;b"} {
			if back, err := sfv.Unquote(sent); err != nil || back != value {
				t.Fatalf("%q is sent as %q and read as %q, %v", value, sent, back, err)
			}
		}
	})
}

func FuzzUnquote(f *testing.F) {
	for _, field := range []string{`"a"`, ` "a\"" ; a`, `"a";b=1.5;c=:YQ==:;d=%"%c3%bc";e=@1;f=?1;g=t`, `"`, `"a";b=%"`, `"a";b=%"%`, `"a";b=`, `""x`} {
		f.Add(field)
	}
	f.Fuzz(func(t *testing.T, field string) {
		value, err := sfv.Unquote(field)
		if err != nil {
			if value != "" || !errors.Is(err, sfv.ErrSyntax) && !errors.Is(err, sfv.ErrNotString) {
				t.Fatalf("%q, %v", value, err)
			}
			return
		}
		canonical, err := sfv.Quote(value)
		if err != nil || !strings.HasPrefix(strings.TrimLeft(field, " "), canonical) {
			t.Fatalf("%q is read as %q, which is written %q, %v", field, value, canonical, err)
		}
	})
}

func BenchmarkQuote(b *testing.B) {
	for b.Loop() {
		_, _ = sfv.Quote("5e931bbb-40d8-4cae-a2d1-49b3ec84f0a3")
	}
}

func BenchmarkUnquote(b *testing.B) {
	for b.Loop() {
		_, _ = sfv.Unquote(`"5e931bbb-40d8-4cae-a2d1-49b3ec84f0a3"`)
	}
}
