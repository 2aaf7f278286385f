package xlsxfile

import "bytes"

// sniff tells from the first bytes of a file why it cannot be a workbook, or
// returns "" for an archive.
func sniff(head []byte) (reason string) {
	switch {
	case len(head) == 0:
		return reasonEmpty
	case hasAny(head, "PK\x03\x04", "PK\x05\x06"):
		return ""
	case hasAny(head, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", // a compound file
		"\x09\x00\x04\x00", "\x09\x02\x06\x00", "\x09\x04\x06\x00", "\x09\x08\x08\x00", "\x09\x08\x10\x00"): // BIFF 2 to 8 without one
		return reasonXLS
	case bytes.HasPrefix(head, []byte("%PDF-")):
		return reasonZip
	case hasAny(head, "\xFF\xFE", "\xFE\xFF"):
		return reasonText // UTF-16, as Excel's "Unicode text" is
	}
	text := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\uFEFF"))))
	if hasAny(text, "<!doctype html", "<html", "<head", "<meta", "<style", "<body", "<table", "<div") ||
		bytes.HasPrefix(text, []byte("<")) && bytes.Contains(text, []byte("<html")) {
		return reasonHTML
	}
	for _, c := range head {
		if c < ' ' && !isSpace(c) && c != '\f' || c == 0x7F {
			return reasonZip
		}
	}
	return reasonText // also in an encoding of old
}

func hasAny(b []byte, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if bytes.HasPrefix(b, []byte(prefix)) {
			return true
		}
	}
	return false
}
