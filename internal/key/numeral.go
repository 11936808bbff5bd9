package key

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// numeral is a way to write numbers of 128 bits: its digits, lowest first.
type numeral string

// newNumeral takes the distinct characters of an ASCII alphabet, without the
// space, as digits in ascending order.
func newNumeral(alphabet string) numeral {
	var present [128]bool
	for i := range len(alphabet) {
		present[alphabet[i]&0x7f] = true
	}
	digits := make([]byte, 0, len(present))
	for c := byte('!'); c <= '~'; c++ {
		if present[c] {
			digits = append(digits, c)
		}
	}
	return numeral(digits)
}

// width is the number of digits that every number of 128 bits fits in: the
// smallest w with len(n)^w >= 2^128. There must be two digits or more.
func (n numeral) width() int {
	width := 0
	for high, low := uint64(math.MaxUint64), uint64(math.MaxUint64); high|low != 0; width++ {
		high, low, _ = divide(high, low, uint64(len(n)))
	}
	return width
}

// text writes b, read big-endian, most significant digit first, padded on the
// left with the lowest digit to the numeral's width, and to length if that is
// more.
func (n numeral) text(b [16]byte, length int) string {
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	text := make([]byte, max(n.width(), length))
	for i := len(text) - 1; i >= 0; i-- {
		var digit uint64
		high, low, digit = divide(high, low, uint64(len(n)))
		text[i] = n[digit]
	}
	return string(text)
}

func divide(high, low, by uint64) (quotientHigh, quotientLow, remainder uint64) {
	quotientHigh, remainder = high/by, high%by
	quotientLow, remainder = bits.Div64(remainder, low, by)
	return quotientHigh, quotientLow, remainder
}
