package key_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe/internal/key"
)

const word = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

func TestRenderPrefersTheUUID(t *testing.T) {
	b := key.Derive("acme/stripe/live", "charges.create", "order-1234", 0)
	const uuid = "5e931bbb-40d8-4cae-a2d1-49b3ec84f0a3"
	for _, c := range []struct {
		name   string
		format key.Format
		want   string
	}{
		{"zero", key.Format{}, uuid},
		{"36 exactly", key.Format{MinLength: 36, MaxLength: 36}, uuid},
		{"an alphabet that has it", key.Format{Alphabet: word + " "}, uuid},
		{"too short", key.Format{MaxLength: 35}, "2sSVSYgkt9vxas5MDO37Nj"},
		{"too long", key.Format{MinLength: 37}, strings.Repeat("0", 15) + "2sSVSYgkt9vxas5MDO37Nj"},
		{"no hyphen", key.Format{Alphabet: "0123456789abcdef"}, strings.ReplaceAll(uuid, "-", "")},
	} {
		if got := c.format.Render(b); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestRenderGivesNothingInAFormatThatIsRefused(t *testing.T) {
	for _, format := range []key.Format{
		{Alphabet: " "}, {Alphabet: "a"}, {MaxLength: 5}, {MinLength: -1}, {Alphabet: "\xff\xfe"},
		{MinLength: key.MaxFormatLength + 1, MaxLength: key.MaxFormatLength + 1},
	} {
		if got := format.Render([16]byte{1}); got != "" {
			t.Errorf("%+v: %q", format, got)
		}
		if err := format.Check("abc"); !errors.Is(err, key.ErrFormat) {
			t.Errorf("%+v: %v, want ErrFormat", format, err)
		}
	}
}

func TestErrorsOfACheckDoNotShowTheKey(t *testing.T) {
	const secret = "s3cr3t"
	for _, c := range []struct {
		format key.Format
		key    string
		want   error
	}{
		{key.Format{MaxLength: 30}, strings.Repeat(secret, 9), key.ErrLength},
		{key.Format{}, secret + " " + secret, key.ErrCharacter},
		{key.Format{}, secret + "\n", key.ErrCharacter},
		{key.Format{UUID: true}, secret, key.ErrNotUUID},
	} {
		err := c.format.Check(c.key)
		if !errors.Is(err, c.want) || !errors.Is(err, key.ErrKey) {
			t.Errorf("%v, want %v", err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}

func FuzzFormat(f *testing.F) {
	f.Add("", 0, 0, false, []byte("0123456789abcdef"), "order-1234")
	f.Add(word+" ", 4, 36, false, []byte{15: 1}, " order")
	f.Add("0123456789", 0, 39, false, []byte{0: 0xff}, "0")
	f.Add("ab", -1, 4097, true, []byte{}, "")
	f.Fuzz(func(t *testing.T, alphabet string, minLength, maxLength int, uuid bool, name []byte, own string) {
		format := key.Format{Alphabet: alphabet, MinLength: minLength, MaxLength: maxLength, UUID: uuid}
		var b [16]byte
		copy(b[:], name)
		rendered, err := format.Render(b), format.Validate()
		if err != nil {
			if rendered != "" || !errors.Is(err, key.ErrFormat) {
				t.Fatalf("%+v: rendered %q although %v", format, rendered, err)
			}
			return
		}
		if err := format.Check(rendered); err != nil {
			t.Fatalf("%+v: a derived key is refused: %v", format, err)
		}
		if back := readBack(t, format, rendered); back != b {
			t.Fatalf("%+v: %x is written as %q, which reads %x", format, b, rendered, back)
		}
		if format.Check(own) == nil && strings.Trim(own, " \t\r\n") != own {
			t.Fatalf("%+v: accepted %q", format, own)
		}
	})
}

// readBack is the inverse of Render, which shows that no two names share a key.
func readBack(t *testing.T, format key.Format, rendered string) [16]byte {
	t.Helper()
	var digits []byte
	for c := byte(0x21); c < 0x7f; c++ {
		if strings.IndexByte(format.Alphabet, c) >= 0 || format.Alphabet == "" && strings.IndexByte(word[:62], c) >= 0 {
			digits = append(digits, c)
		}
	}
	if len(rendered) == 36 && (key.Format{UUID: true}).Check(rendered) == nil {
		rendered, digits = strings.ReplaceAll(rendered, "-", ""), []byte("0123456789abcdef")
	}
	number, base := new(big.Int), big.NewInt(int64(len(digits)))
	for i := range len(rendered) {
		digit := strings.IndexByte(string(digits), rendered[i])
		number.Add(number.Mul(number, base), big.NewInt(int64(digit)))
	}
	var b [16]byte
	if number.Sign() < 0 || number.BitLen() > 128 {
		t.Fatalf("%q is no number of 128 bits", rendered)
	}
	number.FillBytes(b[:])
	return b
}

func BenchmarkRender(b *testing.B) {
	derived := key.Derive("acme/stripe/live", "charges.create", "order-1234", 0)
	for name, format := range map[string]key.Format{"uuid": {}, "alphabet": {Alphabet: word + " ", MaxLength: 36}, "digits": {MaxLength: 35}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				format.Render(derived)
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	for b.Loop() {
		_ = key.Format{}.Check("5e931bbb-40d8-4cae-a2d1-49b3ec84f0a3")
	}
}
