package key_test

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe/internal/key"
)

func TestDeriveGivesTheDesignsKeys(t *testing.T) {
	for _, c := range []struct {
		account, command, id string
		generation           uint64
		want                 string
	}{
		{"acme/stripe/live", "charges.create", "order-1234", 0, "5e931bbb-40d8-4cae-a2d1-49b3ec84f0a3"},
		{"", "charges.create", "order-1234", 0, "a0bfdc08-8211-4a64-b839-5ac4b48e3c9d"},
		{"acme/stripe/live", "charges.create", "order-1234", 1, "586c87c7-dbc2-44dd-9b16-ea796780d667"},
		{"a", "b", "cd", 0, "6e9f68ad-3bc0-4e58-884f-8f62348e860a"},
		{"a", "bc", "d", 0, "502a4366-ad7f-4819-900d-e4463fe9ae83"},
		{"acme", "émail", "commande-№1", 0, "267e6f93-0dfd-46e3-8255-41874c1c2caa"},
	} {
		if got := key.UUID(key.Derive(c.account, c.command, c.id, c.generation)); got != c.want {
			t.Errorf("Derive(%q, %q, %q, %d) = %s, want %s", c.account, c.command, c.id, c.generation, got, c.want)
		}
	}
}

func TestDeriveHashesPartsOfAnyLengthAlike(t *testing.T) {
	// Around the size of the buffer, and far beyond it.
	for _, length := range []int{0, 1, 430, 437, 438, 445, 446, 447, 470, 512, 513, 10_240} {
		for _, generation := range []string{"", "1", "18446744073709551615"} {
			id := strings.Repeat("x", length)
			parts := []string{"retrysafe/key/1", "", "c", id}
			if generation != "" {
				parts = append(parts, generation)
			}
			want := streamed(parts)
			if got := key.Derive("", "c", id, number(generation)); got != want {
				t.Errorf("an ID of %d bytes, generation %q: got %x, want %x", length, generation, got, want)
			}
		}
	}
}

func number(generation string) uint64 {
	return map[string]uint64{"1": 1, "18446744073709551615": math.MaxUint64}[generation]
}

// streamed is the rule of KEY-1 to KEY-3 written down a second time.
func streamed(parts []string) [16]byte {
	hash := sha256.New()
	for _, part := range parts {
		binary.Write(hash, binary.BigEndian, uint64(len(part)))
		hash.Write([]byte(part))
	}
	b := [16]byte(hash.Sum(nil)[:16])
	b[6], b[8] = b[6]%16+4*16, b[8]%64+128
	return b
}

func TestDeriveTellsEveryPartApart(t *testing.T) {
	seen := map[[16]byte]string{}
	parts := []string{"", "a", "b", "ab", "\x00", "a\x00", "é", "e\u0301", "\xff"}
	for _, account := range parts {
		for _, command := range parts {
			for _, id := range parts {
				for _, generation := range []uint64{0, 1, 2, 10} {
					b := key.Derive(account, command, id, generation)
					name := strings.Join([]string{account, command, id, string(rune('0' + generation))}, "|")
					if other, taken := seen[b]; taken {
						t.Fatalf("%q and %q have one key", name, other)
					}
					seen[b] = name
				}
			}
		}
	}
	if want := 9 * 9 * 9 * 4; len(seen) != want {
		t.Errorf("%d keys, want %d", len(seen), want)
	}
}

func TestDeriveDoesNotAllocate(t *testing.T) {
	id := strings.Repeat("x", 399)
	if n := testing.AllocsPerRun(100, func() { key.Derive("", "", id, math.MaxUint64) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestUUIDHasVersion4AndTheRFCVariant(t *testing.T) {
	for generation := range uint64(1000) {
		text := key.UUID(key.Derive("a", "b", "c", generation))
		if text[14] != '4' || !strings.Contains("89ab", text[19:20]) {
			t.Fatalf("generation %d: %s", generation, text)
		}
		if err := (key.Format{UUID: true}).Check(text); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkDerive(b *testing.B) {
	for b.Loop() {
		key.Derive("acme/stripe/live", "charges.create", "order-1234", 0)
	}
}

func BenchmarkUUID(b *testing.B) {
	derived := key.Derive("acme/stripe/live", "charges.create", "order-1234", 0)
	for b.Loop() {
		key.UUID(derived)
	}
}
