package uploads

import (
	"crypto/rand"
	"encoding/hex"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// longestName is how many bytes a name has at most: as many as file systems take.
	longestName = 255
	// longestExtension is up to how many bytes the end of a name behind its
	// last dot is taken for an extension.
	longestExtension = 32
	// nameless is what a file is called whose sender gave it no name.
	nameless = "upload"
)

// The engine's files begin with a job's identifier, which has no 'u'.
var idForm = regexp.MustCompile(`^up-[0-9a-f]{32}$`)

// IsID reports whether id can be that of an upload. No other file has such a one.
func IsID(id string) bool { return idForm.MatchString(id) }

// newID returns an identifier of 128 random bits, since links to uploads are
// not to be guessed.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says crypto/rand
	return "up-" + hex.EncodeToString(b[:])
}

// cleanName makes the name of a file of one that a client sent: without the
// folders that browsers and Windows put in front, without characters that are
// not seen or turn the direction of the text around, and not too long.
func cleanName(name string) string {
	name = strings.ToValidUTF8(name, string(unicode.ReplacementChar))
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			return -1
		}
		return r
	}, name)
	name = strings.TrimSpace(name)
	if strings.Trim(name, ".") == "" {
		return nameless
	}
	if len(name) <= longestName {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > longestExtension {
		ext = ""
	}
	end := longestName - len(ext)
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + ext
}
