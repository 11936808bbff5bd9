// Package key gives operations their names: the idempotency key that a
// provider sees, the formats it may ask for, and the fingerprints that keep one
// ID from meaning two things. The rules are those of spec/identity.md, which
// can never change, because keys outlive the processes that made them.
package key

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

const derivation = "retrysafe/key/1"

// inline is the size of the buffers in which parts are framed, large enough for
// all usual ones. Larger parts make them grow.
const inline = 512

// Derive returns the 16 bytes that name an operation: the same for the same
// account, command, ID and generation in every process and every language.
// They are the first 16 bytes of the SHA-256 over the parts, with the version
// and variant bits of a UUID of version 4. The parts may hold any bytes, be
// empty and be of any length; generation 0 is left out of the hash. It does not
// allocate while the parts hold fewer than 400 bytes together.
// It is safe for concurrent use (spec/identity.md, KEY-1 to KEY-5).
func Derive(account, command, id string, generation uint64) [16]byte {
	var buffer [inline]byte
	parts := appendPart(buffer[:0], derivation)
	parts = appendPart(parts, account)
	parts = appendPart(parts, command)
	parts = appendPart(parts, id)
	if generation > 0 {
		var decimal [20]byte
		parts = appendPart(parts, strconv.AppendUint(decimal[:0], generation, 10))
	}
	sum := sha256.Sum256(parts)
	sum[6] = sum[6]&0x0f | 0x40
	sum[8] = sum[8]&0x3f | 0x80
	return [16]byte(sum[:16])
}

// UUID returns b as the text of a UUID: 36 characters, lower case, hyphens
// after the 4th, 6th, 8th and 10th byte (RFC 9562, section 4).
func UUID(b [16]byte) string {
	var text [uuidLength]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	for _, i := range [...]int{8, 13, 18, 23} {
		text[i] = '-'
	}
	return string(text[:])
}

// appendPart appends part, preceded by its length. A sequence of parts can be
// read in one way only, so that ("a", "bc") and ("ab", "c") stay apart.
func appendPart[T string | []byte](dst []byte, part T) []byte {
	return append(appendCount(dst, len(part)), part...)
}

// appendCount appends a length in bytes, or a number of elements.
func appendCount(dst []byte, n int) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(n))
}
