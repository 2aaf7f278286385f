package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What cannot be meant is refused before anybody is called.
func TestRemoteUsage(t *testing.T) {
	t.Parallel()
	ids := filepath.Join(t.TempDir(), "ids")
	if err := os.WriteFile(ids, []byte("1, 2\n3 four\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		says string
		args []string
	}{
		{"CODE is missing", []string{"jobs", "show"}},
		{"estate-export", []string{"jobs", "submit", "estate-import"}},
		{"want ids", []string{"jobs", "submit", "estate-export", "--ids", "1,x"}},
		{`line 2: "four"`, []string{"jobs", "submit", "estate-export", "--ids-file", ids}},
		{"option=value", []string{"jobs", "submit", "estate-export", "--filter", "listed"}},
		{"rent_min has one value", []string{"jobs", "submit", "estate-export", "--filter", "rent_min=1", "--filter", "rent_min=2"}},
		{"from 1% to 100%", []string{"jobs", "submit", "estate-batch-open-rent", "--fail-limit", "0%"}},
		{"show_estate=true", []string{"jobs", "submit", "estate-batch-edit-big-landlord", "--capability", "show_estate"}},
		{"partially_failed", []string{"jobs", "list", "--result", "bad"}},
		{"36h or 7d", []string{"jobs", "list", "--from", "yesterday"}},
		{"absolute URL", []string{"jobs", "list", "--server", "127.0.0.1:8080"}},
		{".ndjson, .csv or .xlsx", []string{"budget", "sync", "rules.txt"}},
		{"--tenant is missing", []string{"events", "tail"}},
		{"fish", []string{"completion", "fish", "fish"}},
		{"tcsh", []string{"completion", "tcsh"}},
	} {
		tell(t, "http://127.0.0.1:1", "k", test.args...).check(t, strings.Join(test.args, " "), exitUsage, test.says)
	}
	tellIn(t, nil, "jobs", "list").check(t, "jobs list without a key", exitUsage, "BATCHPORT_KEY", "batchport keys create")
	tellIn(t, []string{"BATCHPORT_KEY_FILE=" + ids + ".missing"}, "jobs", "list").check(t, "a key file that is not there", exitUsage, "--key-file")
}

func TestNobodyAtTheServer(t *testing.T) {
	t.Parallel()
	got := tell(t, "http://127.0.0.1:1", "k", "jobs", "list")
	got.check(t, "jobs list", exitError, "cannot reach http://127.0.0.1:1: connection refused", "batchport serve", "BATCHPORT_SERVER")
	tell(t, "http://nobody.invalid:1", "k", "jobs", "list").check(t, "jobs list", exitError, "http://nobody.invalid:1")
	tellIn(t, nil, "events", "tail", "--tenant", "demo", "--nats", "nats://u:secret@127.0.0.1:1").check(t, "events tail", exitError, "nats://127.0.0.1:1", "--nats-listen")
}

// A shell learns the commands, and which words they take.
func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		got := tellIn(t, nil, "completion", shell)
		if got.check(t, "completion "+shell, exitOK); !strings.Contains(got.out, "batchport") || len(got.out) < 1000 {
			t.Errorf("completion %s printed %d bytes, want a script", shell, len(got.out))
		}
	}
	help := tellIn(t, nil, "--help")
	if !strings.Contains(help.out, "completion ") {
		t.Errorf("the help is\n%swant it to show completion", help.out)
	}
	for words, want := range map[string]string{
		"jobs submit estate-batch-":      "estate-batch-open-rent\nestate-batch-close-rent\n",
		"jobs submit x --filter ag":      "agent_id=\n",
		"jobs list --result pa":          "partially_failed\n",
		"jobs list --kind budget":        "budget-rule-sync\n",
		"jobs list --locale z":           "zh_TW\nzh_CN\n",
		"events tail --kind contract-":   "contract-export\n",
		"budget sync ":                   "csv\n",
		"jobs submit estate-export --ob": "--object\t",
	} {
		got := tellIn(t, nil, append([]string{"__complete"}, strings.Split(words, " ")...)...)
		if got.code != exitOK || !strings.Contains(got.out, want) {
			t.Errorf("completing %q gives (%d)\n%swant %q", words, got.code, got.out, want)
		}
	}
}
