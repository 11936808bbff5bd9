// Package spec holds the language-neutral specification of what every
// implementation must do alike, and its test vectors. It is data: whoever wants
// to check another implementation reads the files, see README.md.
package spec

import (
	"embed"
	"io/fs"
)

//go:embed README.md identity.md vectors/*.json
var files embed.FS

// FS returns the specification's files: README.md, one chapter per topic as
// Markdown, and the test vectors under vectors/ as JSON. They are read-only and
// safe for concurrent use.
func FS() fs.FS { return files }
