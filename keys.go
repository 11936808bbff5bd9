package retrysafe

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/retrysafe/retrysafe/internal/key"
	"github.com/retrysafe/retrysafe/internal/pointer"
	"github.com/retrysafe/retrysafe/internal/sfv"
)

// Key is the string on the wire that names an operation to the provider.
// Whoever knows a key can read the stored answer at some providers, so it is
// half a secret: Error, Result and Operation print, marshal and log without
// it, and LogValue is a short hash. Convert it to a string to see it.
type Key string

// LogValue returns the first 8 hexadecimal digits of the key's SHA-256: enough
// to follow one operation through a log, too little to use the key.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.hash()) }

func (k Key) hash() string {
	if k == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(k))
	return hex.EncodeToString(sum[:4])
}

// DeriveKey returns the key of generation 0 of the operation that account,
// command and id name, as a UUID: the same in every process, on every machine
// and in every language (requirement KEY-1 of spec/identity.md). It takes any
// bytes; what an ID must look like is checked where a command is called.
// A profile may format the key otherwise: Command.Key returns what will be on
// the wire.
func DeriveKey(account, command, id string) Key {
	return Key(key.UUID(key.Derive(account, command, id, 0)))
}

// NewID returns a random ID (a version 4 UUID) for a caller that has no name
// of its own for an operation. Store it before the call: an ID that dies with
// the process cannot protect from a second effect.
// It returns an empty string, which every command refuses, if the system has
// no randomness.
func NewID() string {
	id, err := uuid.NewRandom()
	if err != nil {
		return ""
	}
	return id.String()
}

// KeyPlace says where in a request the key is.
type KeyPlace int

const (
	// KeyInHeader puts the key into a header. It is the zero value.
	KeyInHeader KeyPlace = iota
	// KeyInBody puts the key into a field of the body.
	KeyInBody
	// KeyNowhere says that the provider takes no key. Nothing is sent again
	// after doubt then, unless the command says Rerun or has a precondition.
	KeyNowhere
)

// KeyRules say where a provider wants the key, and what it may look like.
// The zero value is a UUID, bare, in the header Idempotency-Key, on every
// command. The rules are part of the key's formula: changing the format of a
// profile in use gives new keys to operations under way.
type KeyRules struct {
	// Place is the part of the request that holds the key.
	Place KeyPlace
	// Header is the header's name. Defaults to Idempotency-Key. With that name
	// and with X-Idempotency-Key net/http sends a request a second time by
	// itself when a kept-alive connection dies; retrysafe counts and limits it.
	Header string
	// Field is where the key goes with KeyInBody: a JSON pointer (RFC 6901) for
	// a JSON body, the field's name for a form.
	Field string
	// Methods are those on which the provider honours a key (Stripe v1: POST
	// alone). Empty means all.
	Methods []string
	// Quoted sends a header's value as a structured-field string, in double
	// quotes (RFC 9651 section 3.3.3), as the IETF draft has it. Providers'
	// examples are bare, so the default is bare.
	Quoted bool
	// Alphabet lists the characters that a key may have. Empty: visible ASCII.
	// Where a UUID does not fit, the key is written in these (requirement FMT-2).
	Alphabet string
	// MinLength and MaxLength are in bytes. Zero means 1 and 255.
	MinLength, MaxLength int
	// UUID says that the provider takes nothing but a UUID, so a key of the
	// caller's own must be one.
	UUID bool
}

func (k KeyRules) format() key.Format {
	return key.Format{Alphabet: k.Alphabet, MinLength: k.MinLength, MaxLength: k.MaxLength, UUID: k.UUID}
}

// header is the canonical name of the header that holds the key, or "".
func (k KeyRules) header() string {
	switch {
	case k.Place != KeyInHeader:
		return ""
	case k.Header == "":
		return "Idempotency-Key"
	default:
		return http.CanonicalHeaderKey(k.Header)
	}
}

// covers reports whether a request of this method carries the key.
func (k KeyRules) covers(method string) bool {
	return k.Place != KeyNowhere && (len(k.Methods) == 0 || slices.Contains(k.Methods, method))
}

// onWire returns the header's value for a key.
func (k KeyRules) onWire(own Key) (string, error) {
	if !k.Quoted {
		return string(own), nil
	}
	return sfv.Quote(string(own))
}

func (k KeyRules) validate() error {
	if err := k.format().Validate(); err != nil {
		return fmt.Errorf("%w: key: %w", ErrInvalid, err)
	}
	switch k.Place {
	case KeyInHeader:
		return k.validateHeader()
	case KeyInBody:
		return k.validateField()
	case KeyNowhere:
		return k.validateNowhere()
	default:
		return invalid("key: unknown place %d", k.Place)
	}
}

func (k KeyRules) validateHeader() error {
	switch name := k.header(); {
	case k.Field != "":
		return invalid("key: a field is named, but the key is in a header")
	case !isToken(name):
		return invalid("key: header name is not a token")
	case reserved(name), name == "Accept", name == "Content-Type":
		return invalid("key: header %s has another use", name)
	}
	return k.validateMethods()
}

func (k KeyRules) validateField() error {
	switch {
	case k.Header != "" || k.Quoted:
		return invalid("key: a header is described, but the key is in the body")
	case k.Field == "":
		return invalid("key: in the body, but no field is named")
	}
	if k.Field[0] == '/' {
		if _, err := pointer.Parse(k.Field); err != nil {
			return fmt.Errorf("%w: key: field: %w", ErrInvalid, err)
		}
	}
	return k.validateMethods()
}

func (k KeyRules) validateNowhere() error {
	if k.Header != "" || k.Field != "" || k.Quoted || len(k.Methods) > 0 || k.format() != (key.Format{}) {
		return invalid("key: it is nowhere, but a header, field, method or format is named")
	}
	return nil
}

func (k KeyRules) validateMethods() error {
	for _, m := range k.Methods {
		if !isMethod(m) {
			return invalid("key: %q is not a method, in capitals", m)
		}
	}
	return nil
}
