package retrysafe

import "unicode/utf8"

const maxID = 255

// checkID finds what cannot be a caller's stable name for an operation.
func checkID(id string) error {
	switch {
	case id == "":
		return invalid("ID is empty")
	case len(id) > maxID:
		return invalid("ID is longer than %d bytes", maxID)
	default:
		return checkText("ID", id)
	}
}

func checkAccount(account string) error {
	if len(account) > maxID {
		return invalid("account is longer than %d bytes", maxID)
	}
	return checkText("account", account)
}

func checkText(what, s string) error {
	if !utf8.ValidString(s) {
		return invalid("%s is not UTF-8", what)
	}
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return invalid("%s has a control character", what)
		}
	}
	return nil
}
