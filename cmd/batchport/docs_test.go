package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDocsShowWhatWorks does what the pages show, in the order in which they
// show it: commands against a server of their own, whose answers must be those
// that stand below them, and bodies of requests, which must be taken. Code in Go
// is compared with the tests that run it. An example that nobody runs is an error.
//
// In an answer "…" stands for anything; times, and the codes of jobs, are those of
// the day; what a page calls a job it must call it everywhere.
func TestDocsShowWhatWorks(t *testing.T) {
	t.Parallel()
	tested := testedGo(t)
	for _, page := range pages(t) {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?ms)^ *```(\\w*)\n(.*?)^ *```$").FindAllStringSubmatch(string(content), -1)
		if len(blocks) == 0 {
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			s := &docSession{t: t, folder: t.TempDir(), names: map[string]string{}}
			for _, block := range blocks {
				switch language, text := block[1], unindented(block[2]); language {
				case "sh":
					for _, example := range examplesOf(text) {
						s.run(example)
					}
				case "json":
					s.show(text)
				case "go":
					for line := range strings.Lines(text) {
						if line = strings.TrimSpace(line); line != "" && line != "…" && !strings.Contains(tested, line) {
							t.Errorf("the page shows the line %q, which no test runs", line)
						}
					}
				case "text", "mermaid", "conf", "yaml", "sql": // shown, and no example; what is to be configured or executed has tests of its own
				default:
					t.Errorf("nobody knows how to run a block of %q:\n%s", language, text)
				}
			}
		})
	}
}

// unindented is a block without what all of its lines begin with, as one of a
// list has it.
func unindented(block string) string {
	indent := block[:len(block)-len(strings.TrimLeft(block, " "))]
	return strings.ReplaceAll("\n"+block, "\n"+indent, "\n")[1:]
}

// pages are those with examples for users. Decisions and benchmarks have none.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(found) < 5 {
		t.Fatalf("found the pages %v, %v", found, err)
	}
	return append(found, "../../README.md")
}

// testedGo is the Go code of all tests, each line without its indentation.
func testedGo(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir("../..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "docs_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		for line := range strings.Lines(string(content)) {
			all.WriteString(strings.TrimSpace(line) + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// docExample is a command with the answers that it may give, of which the page
// shows one below the other.
type docExample struct {
	command string
	answers []string
}

// examplesOf reads the examples of a block. An answer begins with "# " and goes
// on in lines that are indented further.
func examplesOf(block string) (all []docExample) {
	var e docExample
	flush := func() {
		if strings.TrimSpace(e.command) != "" {
			all = append(all, e)
		}
		e = docExample{}
	}
	for line := range strings.Lines(block) {
		line = strings.TrimRight(line, "\n")
		answer, isAnswer := strings.CutPrefix(line, "# ")
		switch {
		case strings.TrimSpace(line) == "":
			flush()
		case isAnswer && strings.HasPrefix(answer, " ") && len(e.answers) > 0:
			e.answers[len(e.answers)-1] += answer
		case isAnswer:
			e.answers = append(e.answers, answer)
		default:
			open := strings.Count(e.command, "'")%2 == 1 || strings.HasSuffix(strings.TrimRight(e.command, "\n"), `\`)
			if len(e.answers) > 0 || e.command != "" && !open {
				flush()
			}
			e.command += line + "\n"
		}
	}
	flush()
	return all
}

// docSession is a reader who does what a page shows.
type docSession struct {
	t      *testing.T
	folder string // where the reader is
	server *serving
	names  map[string]string // what the page calls a job, to its code
	set    string            // assignments so far
}

// elsewhere tells commands that need servers of the reader's own. Of these the
// flags must exist.
var elsewhere = regexp.MustCompile(`example\.com|OTEL_|^nats |^docker |^go get |^pg_|^task `)

func (s *docSession) run(e docExample) {
	s.t.Helper()
	command := strings.ReplaceAll(e.command, "go run ./cmd/batchport", "batchport")
	command = regexp.MustCompile(`(?m)\s+# .*$`).ReplaceAllString(command, "")
	switch {
	case elsewhere.MatchString(command):
		s.flagsExist(command)
	case strings.HasPrefix(command, "KEY=bp_"):
	case strings.HasPrefix(command, "go test "): // which is how this runs
	case strings.HasPrefix(command, "cd docs/events/examples/"): // TestSubscribers runs those
		s.filesExist(command)
	case strings.HasPrefix(command, "batchport serve"):
		s.serve(strings.Fields(command)[1:])
	case regexp.MustCompile(`^[A-Z_]+=`).MatchString(command):
		s.set += command
		s.bash("true", e.command)
	default:
		s.awaitJobs(command)
		s.compare(e, s.bash(command, e.command))
	}
}

// serve starts the server as the page does, but for its addresses.
func (s *docSession) serve(args []string) {
	s.t.Helper()
	if s.server != nil {
		s.server.stop(s.t)
	}
	for i, arg := range args {
		if strings.HasSuffix(arg, ":4222") {
			args[i] = "127.0.0.1:0"
		}
	}
	if !slices.Contains(args, "--demo") {
		args = append(args, "--demo") // the data folder of a reader who has some
	}
	cmd := command(s.t, args...)
	cmd.Env = append(cmd.Env, "BATCHPORT_LISTEN=127.0.0.1:0")
	cmd.Dir = s.folder
	s.server = launch(s.t, cmd)
}

// begin makes sure that there is a server, and what a reader has at hand.
func (s *docSession) begin() {
	s.t.Helper()
	if s.server == nil {
		s.serve([]string{"serve", "--demo"})
	}
	sheet := statementSheet(s.t, 3, 3)
	if err := os.WriteFile(filepath.Join(s.folder, "十一月.xlsx"), sheet, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// bash runs a command and returns what it wrote.
func (s *docSession) bash(command, shown string) string {
	s.t.Helper()
	s.begin()
	path, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	script := "set -eu\nexport KEY=" + s.server.key + "\n" + s.set + command
	script = strings.ReplaceAll(script, "http://127.0.0.1:8080", s.server.url)
	for name, code := range s.names {
		script = strings.ReplaceAll(script, name, code)
	}
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir = s.folder
	cmd.Env = []string{
		"PATH=" + filepath.Dir(path) + ":" + os.Getenv("PATH"), "HOME=" + s.folder, "LANG=C.UTF-8",
	}
	if regexp.MustCompile(`batchport (jobs|events|budget)`).MatchString(command) {
		cmd.Env = append(cmd.Env, "BATCHPORT_SERVER="+s.server.url, "BATCHPORT_KEY="+s.server.key)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		s.t.Errorf("the page shows\n%s\nwhich gives %v\n%s%s", shown, err, out.String(), errs.String())
	}
	if url := regexp.MustCompile(`"url":"([^"]+)"`).FindStringSubmatch(out.String()); url != nil {
		s.set += fmt.Sprintf("URL='%s'\n", strings.ReplaceAll(url[1], `\u0026`, "&"))
	}
	return out.String()
}

var jobName = regexp.MustCompile(`[0-9a-f]{14}\.[0-9]{8}`)

// awaitJobs waits until the jobs that a command asks about have ended.
func (s *docSession) awaitJobs(command string) {
	s.t.Helper()
	for _, name := range jobName.FindAllString(command, -1) {
		code, known := s.names[name]
		if !known {
			s.t.Errorf("the page asks about the job %s before it has shown where that comes from:\n%s", name, command)
			continue
		}
		s.server.await(s.t, s.server.key, code)
	}
}

// compare compares what a command wrote with what the page shows.
func (s *docSession) compare(e docExample, got string) {
	s.t.Helper()
	if len(e.answers) == 0 {
		return
	}
	var wanted []string
	for _, answer := range e.answers {
		pattern, names := s.pattern(answer)
		m := regexp.MustCompile(pattern).FindStringSubmatch(squeezed(got))
		if m == nil {
			wanted = append(wanted, answer)
			continue
		}
		for i, name := range names {
			s.names[name] = m[i+1]
		}
	}
	// Answers of which each is whole are what may come; lines are what does.
	if either := strings.HasPrefix(e.answers[0], "{"); len(wanted) > 0 && (!either || len(wanted) == len(e.answers)) {
		s.t.Errorf("the page shows below\n%s\n%s\nwhich is not what comes:\n%s", e.command, strings.Join(wanted, "\n"), got)
	}
}

// pattern makes an expression of an answer, and returns the names of jobs in
// it, each of which has a group.
func (s *docSession) pattern(answer string) (pattern string, names []string) {
	text := regexp.QuoteMeta(squeezed(strings.ReplaceAll(answer, "http://127.0.0.1:8080", s.server.url)))
	text = strings.ReplaceAll(text, "…", ".*?")
	text = regexp.MustCompile(`20\d\d-\d\d-\d\dT[0-9:\\.]+Z`).ReplaceAllString(text, `20[0-9:.T-]+Z`)
	text = regexp.MustCompile(`20\d{6}\\.xlsx`).ReplaceAllString(text, `20\d{6}\.xlsx`)
	quoted := regexp.MustCompile(`[0-9a-f]{14}\\\.[0-9]{8}`)
	text = quoted.ReplaceAllStringFunc(text, func(name string) string {
		name = strings.ReplaceAll(name, `\`, "")
		if code, known := s.names[name]; known {
			return regexp.QuoteMeta(code)
		}
		if slices.Contains(names, name) {
			return `[0-9a-f]{14}\.[0-9]{8}`
		}
		names = append(names, name)
		return `([0-9a-f]{14}\.[0-9]{8})`
	})
	if strings.HasPrefix(answer, "{") {
		text = "^" + text + "$"
	}
	return text, names
}

// squeezed is a text without white space outside of words, and with & as
// itself.
func squeezed(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, `\u0026`, "&")), "")
}

// flagsExist checks the flags of calls of the program that need other servers.
func (s *docSession) flagsExist(command string) {
	s.t.Helper()
	for _, m := range regexp.MustCompile(`batchport (\w+(?: [a-z]+)?)([^|;\n]*)`).FindAllStringSubmatch(command, -1) {
		help, _ := call(s.t, exitOK, append(strings.Fields(m[1]), "--help")...)
		for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(m[2], -1) {
			if !strings.Contains(help, flag+" ") {
				s.t.Errorf("the page shows %q of %q, which has no such flag", flag, "batchport "+m[1])
			}
		}
	}
}

// filesExist checks the folder that a command goes to, and its files that it
// names.
func (s *docSession) filesExist(command string) {
	s.t.Helper()
	folder := filepath.Join("../..", strings.Fields(command)[1])
	for _, name := range append(regexp.MustCompile(`\b\w+\.(?:py|txt)\b`).FindAllString(command, -1), ".") {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			s.t.Errorf("the page shows\n%s\nand there is %v", command, err)
		}
	}
}

// show checks JSON that stands alone: the body of a request must be taken.
func (s *docSession) show(text string) {
	s.t.Helper()
	var body map[string]any
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		if !strings.Contains(text, "\n{") { // lines of NDJSON have a test of their own
			s.t.Errorf("the page shows JSON that is none: %v\n%s", err, text)
		}
		return
	}
	switch {
	case body["job_name"] != nil:
		s.begin()
		s.server.submit(s.t, s.server.key, text)
	case body["success"] == false:
		s.wantRefusal(`{"job_name":"estate_export","estatesIds":"all","searchOptions":{"colour":1}}`, text)
	case body["errorCode"] != nil:
		s.wantSyncFault(text)
	case body["specversion"] != nil: // an event; its schema is tested with real ones
	default:
		s.t.Errorf("nobody knows what this JSON is an example of:\n%s", text)
	}
}

func (s *docSession) wantRefusal(request, want string) {
	s.t.Helper()
	s.begin()
	got := s.post("/api2/getBatchCode", request)
	if squeezed(got) != squeezed(want) {
		s.t.Errorf("the page shows the refusal\n%s\nwhich is\n%s", want, got)
	}
}

// wantSyncFault sends a row with the fault, and looks for it in the answer.
func (s *docSession) wantSyncFault(want string) {
	s.t.Helper()
	s.begin()
	got := s.post("/common/budgets/v2/glBudgetRuleJson/batch", `{"bizId":"docs","timestamp":1636600092809,"data":[{"code":"R1","priority":10000,"budget_code":"B","rule_condition":{"a":1}}]}`)
	if !strings.Contains(squeezed(got), squeezed(want)) {
		s.t.Errorf("the page shows the fault\n%s\nwhich is not in\n%s", want, got)
	}
}

// post sends a body, with the answer in English, and returns the answer.
func (s *docSession) post(path, body string) string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.server.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("X-API-Key", s.server.key)
	r.Header.Set("locale", "en_US")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var text bytes.Buffer
	if _, err := text.ReadFrom(answer.Body); err != nil {
		s.t.Fatal(err)
	}
	return text.String()
}
