package clients

import (
	"strings"
	"testing"
)

// TestLint has two programs look for what is wrong with the descriptions, or
// would trouble those who read them: not so much as a warning may be left.
func TestLint(t *testing.T) {
	t.Parallel()
	needs(t, "node", "npm")
	w := open(t, "lint")
	w.env = append(w.env, "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true")
	w.npm()
	for _, description := range []string{"../../openapi/openapi.json", "../../openapi/openapi-3.0.json"} {
		// Its exit code tells of errors alone.
		if found := w.run("npx", "--no", "redocly", "lint", "--format=json", description); !strings.Contains(found, `"warnings": 0`) {
			t.Errorf("redocly lint %s found\n%s", description, found)
		}
		w.run("npx", "--no", "spectral", "lint", "--fail-severity=warn", "--ruleset=.spectral.yaml", description)
	}
}
