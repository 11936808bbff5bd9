package spec_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/internal/key"
	"github.com/retrysafe/retrysafe/internal/sfv"
)

func TestVectorsOfKeyDerivation(t *testing.T) {
	type input struct {
		Account, Command, ID octets
		Generation           uint64 `json:",string"`
	}
	type output struct {
		Bytes octets
		UUID  string
	}
	runSuite(t, "key-derivation", 43, nil, func(in input) (output, error) {
		b := key.Derive(string(in.Account), string(in.Command), string(in.ID), in.Generation)
		return output{octets(b[:]), key.UUID(b)}, nil
	})
}

type format struct {
	Alphabet             octets
	MinLength, MaxLength int
	UUID                 bool
}

func (f format) key() key.Format {
	return key.Format{Alphabet: string(f.Alphabet), MinLength: f.MinLength, MaxLength: f.MaxLength, UUID: f.UUID}
}

var formatClasses = classes{
	"bounds": key.ErrBounds, "alphabet": key.ErrAlphabet, "width": key.ErrWidth,
	"length": key.ErrLength, "character": key.ErrCharacter, "uuid": key.ErrNotUUID,
}

func TestVectorsOfKeyFormat(t *testing.T) {
	type input struct {
		Format format
		Bytes  octets
	}
	type output struct{ Key string }
	runSuite(t, "key-format", 109, formatClasses, func(in input) (output, error) {
		f := in.Format.key()
		return output{f.Render([16]byte([]byte(in.Bytes)))}, f.Validate()
	})
}

func TestVectorsOfKeyCheck(t *testing.T) {
	type input struct {
		Format format
		Key    octets
	}
	type output struct{ Accepted bool }
	runSuite(t, "key-check", 53, formatClasses, func(in input) (output, error) {
		err := in.Format.key().Check(string(in.Key))
		return output{err == nil}, err
	})
}

func TestVectorsOfStructuredFieldString(t *testing.T) {
	type either struct{ Value, Field *octets }
	sfvClasses := classes{"character": sfv.ErrCharacter, "not-string": sfv.ErrNotString, "syntax": sfv.ErrSyntax}
	runSuite(t, "structured-field-string", 107, sfvClasses, func(in either) (either, error) {
		if in.Value != nil {
			field, err := sfv.Quote(string(*in.Value))
			return either{Field: (*octets)(&field)}, err
		}
		value, err := sfv.Unquote(string(*in.Field))
		return either{Value: (*octets)(&value)}, err
	})
}

func TestVectorsOfFingerprint(t *testing.T) {
	type input struct {
		Account, Kind, Method octets
		Path                  [][2]octets
		Query                 octets
		Header                [][2]octets
		ContentType, Body     octets
	}
	runSuite(t, "fingerprint", 43, nil, func(in input) (digest, error) {
		return digest(key.Fingerprint(key.Request{
			Account: string(in.Account), Kind: string(in.Kind), Method: string(in.Method),
			Path: pairs(in.Path), Query: string(in.Query), Header: pairs(in.Header),
			ContentType: string(in.ContentType), Body: []byte(in.Body),
		})), nil
	})
}

func pairs(given [][2]octets) []key.Pair {
	var pairs []key.Pair
	for _, p := range given {
		pairs = append(pairs, key.Pair{Name: string(p[0]), Value: string(p[1])})
	}
	return pairs
}

func TestVectorsOfFingerprintValues(t *testing.T) {
	type input struct {
		Account, Kind octets
		Values        []value
	}
	valueClasses := classes{"value": key.ErrValue}
	runSuite(t, "fingerprint-values", 67, valueClasses, func(in input) (digest, error) {
		sum, err := key.FingerprintValues(string(in.Account), string(in.Kind), natives(in.Values))
		return digest(sum), err
	})
}

// digest is a fingerprint that decodes itself from an expectation: the hash, and
// the framing that it is the hash of, which helps where the two differ.
type digest [sha256.Size]byte

func (d *digest) UnmarshalJSON(data []byte) error {
	var expected struct {
		Framing     octets
		Fingerprint string
	}
	if err := decodeStrictly(data, &expected); err != nil {
		return err
	}
	*d = sha256.Sum256([]byte(expected.Framing))
	if hex.EncodeToString(d[:]) != expected.Fingerprint {
		return errors.New("the fingerprint is not the hash of the framing")
	}
	return nil
}

// value is a business value as the vectors carry it: a tag and what it holds.
type value struct{ native any }

func (v *value) UnmarshalJSON(data []byte) error {
	var tagged map[string]json.RawMessage
	if err := json.Unmarshal(data, &tagged); err != nil || len(tagged) != 1 {
		return errors.Join(err, errors.New("want one tag"))
	}
	for tag, content := range tagged {
		native, err := decodeNative(tag, content)
		if err != nil {
			return err
		}
		v.native = native
	}
	return nil
}

func decodeNative(tag string, content []byte) (any, error) {
	switch tag {
	case "null":
		return nil, nil
	case "string":
		text, err := decoded[octets](content)
		return string(text), err
	case "bytes":
		text, err := decoded[octets](content)
		return []byte(text), err
	case "integer":
		return decodeInteger(content)
	case "boolean":
		return decoded[bool](content)
	case "time":
		return decoded[time.Time](content)
	case "list":
		values, err := decoded[[]value](content)
		return natives(values), err
	case "float":
		text, _ := decoded[string](content)
		return strconv.ParseFloat(text, 64)
	case "map":
		return map[string]any{}, nil
	}
	return nil, fmt.Errorf("unknown tag %q", tag)
}

func decoded[T any](content []byte) (T, error) {
	var v T
	err := decodeStrictly(content, &v)
	return v, err
}

func decodeInteger(content []byte) (any, error) {
	text, err := decoded[string](content)
	if err != nil {
		return nil, err
	}
	if signed, err := strconv.ParseInt(text, 10, 64); err == nil {
		return signed, nil
	}
	return strconv.ParseUint(text, 10, 64)
}

func natives(values []value) []any {
	natives := []any{}
	for _, v := range values {
		natives = append(natives, v.native)
	}
	return natives
}
