package key

// Framing and ValuesFraming are the bytes that a fingerprint is the hash of.
// Their being different is what makes fingerprints different.
func Framing(r Request) []byte { return append(appendHead(nil, r), r.Body...) }

func ValuesFraming(account, kind string, values []any) ([]byte, error) {
	return appendValues(nil, account, kind, values)
}
