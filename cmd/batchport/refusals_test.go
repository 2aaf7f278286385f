package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Values are refused before anything is opened, and by the flag's name.
func TestUsageOfValues(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	create := []string{"keys", "create", "--data", data, "--user", "1"}
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"serve", "--data", ""}, `"--data"`},
		{[]string{"serve", "--listen", ""}, `"--listen" flag: want HOST:PORT, such as 127.0.0.1:8080`},
		{[]string{"serve", "--listen", "8080"}, "want HOST:PORT"},
		{[]string{"serve", "--listen", "127.0.0.1:65536"}, "want HOST:PORT"},
		{[]string{"serve", "--nats-listen", "127.0.0.1:nats"}, `"--nats-listen" flag: want HOST:PORT`},
		{[]string{"serve", "--public-url", ""}, `"--public-url" flag: want an absolute URL`},
		{[]string{"serve", "--public-url", "batch.example.com"}, "want an absolute URL"},
		{[]string{"serve", "--public-url", "ftp://batch.example.com"}, "want an absolute URL"},
		{[]string{"serve", "--public-url", "https://:443"}, "want an absolute URL"},
		{[]string{"serve", "--public-url", "https://me:secret@batch.example.com"}, "without user"},
		{[]string{"serve", "--public-url", "https://batch.example.com/?a=b"}, "query"},
		{[]string{"serve", "--fetch-from", "https://x/a"}, `"https://x/a" for "--fetch-from" flag: "https://x/a" is no host: want HOST or HOST:PORT`},
		{[]string{"serve", "--fetch-from", "files.example,"}, `"" is no host`},
		{[]string{"serve", "--capabilities", "日本"}, `"日本" for "--capabilities" flag: want names of up to 64 letters`},
		{[]string{"serve", "--max-body", "10MB"}, `"10MB" for "--max-body" flag: want a number of bytes from 1 to 4294967295`},
		{[]string{"serve", "--max-upload", "4294967296"}, `"--max-upload" flag: want a number of bytes`},
		{[]string{"serve", "--max-named", "0"}, `"--max-named" flag: want a number of items`},
		{[]string{"serve", "--max-selected", "-1"}, `"--max-selected" flag: want a number of items`},
		{[]string{"serve", "--max-open-jobs", "0"}, `"--max-open-jobs" flag: want a number of jobs`},
		{[]string{"serve", "--max-streams", "0"}, `"--max-streams" flag: want a number of streams`},
		{[]string{"serve", "--keep-jobs", "90"}, `"--keep-jobs" flag: want a time from 1h to 36500d, in days or hours, such as 90d or 36h`},
		{[]string{"serve", "--keep-jobs", "0d"}, `"--keep-jobs" flag: want a time`},
		{[]string{"serve", "--keep-files", "59m"}, `"--keep-files" flag: want a time`},
		{[]string{"serve", "--keep-uploads", "-1d"}, `"--keep-uploads" flag: want a time`},
		{[]string{"serve", "--keep-events", "36501d"}, `"--keep-events" flag: want a time`},
		{[]string{"serve", "--keep-keys", "9999999h"}, `"--keep-keys" flag: want a time`},
		{[]string{"serve", "--keep-failures", "91d"}, "--keep-failures is 91d, longer than --keep-jobs, which is 90d"},
		{[]string{"serve", "--keep-jobs", "36h", "--keep-files", "37h"}, "--keep-files is 37h, longer than --keep-jobs, which is 36h"},
		{[]string{"serve", "--cors-origins", "app.example.com"}, `"--cors-origins" flag: want the scheme and the host of a page`},
		{[]string{"serve", "--cors-origins", "https://app.example.com/"}, "without a path"},
		{[]string{"serve", "--cors-origins", "https://*.example.com"}, "want every host by its name"},
		{[]string{"serve", "--cors-origins", "*,https://app.example.com"}, `--cors-origins is "*" and others`},
		{[]string{"demo", "--locale", "fr_FR"}, `"--locale" flag: want zh_TW, zh_CN, en_US or ja_JP`},
		{append(create, "--all"), "--tenant is missing"},
		{append(create, "--all", "--tenant", ""), "--tenant is missing"},
		{[]string{"keys", "create", "--data", data, "--tenant", "a", "--all"}, "--user is missing"},
		{append(create, "--tenant", "a", "--all", "--permission", "estate_export"), "--all and --permission exclude each other"},
		{[]string{"keys", "list", "--data", data, "--tenant", ""}, "--tenant is missing"},
		{[]string{"load", "--data", data, "estates", "x"}, "--tenant is missing"},
	} {
		if _, stderr := call(t, exitUsage, test.args...); !strings.Contains(stderr, test.says) {
			t.Errorf("batchport %q says %q, want it to say %q", test.args, stderr, test.says)
		}
	}
}

func TestEnvironmentThatIsRefusedSaysWhy(t *testing.T) {
	t.Parallel()
	const kubernetes = "service links of Kubernetes: set enableServiceLinks: false"
	for variable, want := range map[string]string{
		"BATCHPORT_LISEN=:1":                               `BATCHPORT_LISEN; see "batchport --help"`,
		"BATCHPORT_PORT=tcp://10.0.0.1:80":                 kubernetes,
		"BATCHPORT_SERVICE_HOST=10.0.0.1":                  kubernetes,
		"BATCHPORT_PORT_8080_TCP_ADDR=10.0.0.1":            kubernetes,
		"BATCHPORT_LISTEN=8080":                            `"8080" in BATCHPORT_LISTEN: want HOST:PORT`,
		"BATCHPORT_MAX_BODY=10MB":                          `"10MB" in BATCHPORT_MAX_BODY: want a number of bytes`,
		"BATCHPORT_FETCH_FROM=":                            `"" in BATCHPORT_FETCH_FROM: "" is no host`,
		"BATCHPORT_DATA=":                                  `"" in BATCHPORT_DATA: want a folder`,
		"BATCHPORT_PUBLIC_URL=https://a@batch.example.com": "in BATCHPORT_PUBLIC_URL: want a URL without user",
	} {
		cmd := command(t, "serve")
		cmd.Dir = t.TempDir()
		cmd.Env = append(cmd.Env, variable)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		_ = cmd.Run() // the exit code says more
		if got := cmd.ProcessState.ExitCode(); got != exitUsage || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s batchport serve: exit code %d, %q; want %d and %q", variable, got, stderr.String(), exitUsage, want)
		}
	}
}

// An address in use ends the program at once, and by the flag's name.
func TestServeSaysWhichAddressIsInUse(t *testing.T) {
	t.Parallel()
	var listen net.ListenConfig
	taken, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	address := taken.Addr().String()
	for _, args := range [][]string{
		{"--listen", address},
		{"--listen", "127.0.0.1:0", "--nats-listen", address},
	} {
		began := time.Now()
		_, stderr := call(t, exitError, append([]string{"serve", "--data", t.TempDir()}, args...)...)
		want := strings.Join(args[len(args)-2:], " ") + ": "
		if !strings.Contains(stderr, want) || !strings.Contains(stderr, "address already in use") {
			t.Errorf("serve %s says %q, want it to say %q and that the address is in use", strings.Join(args, " "), stderr, want)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("serve %s ended after %v, want at once", strings.Join(args, " "), took)
		}
	}
}

// A permission that this version does not know is given all the same.
func TestUsageOfUnknownPermissionsIsWarnedOf(t *testing.T) {
	t.Parallel()
	for permission, unknown := range map[string]bool{
		"estate_export": false, "contract_export": false, "estate_read": false, "*": false, "estate_exprot": true,
	} {
		stdout, stderr := call(t, exitOK, "keys", "create", "--data", t.TempDir(), "--tenant", "a", "--user", "1", "--permission", permission)
		if !strings.HasPrefix(stdout, "bp_") || strings.Contains(stderr, "nothing in this version asks for the permission") != unknown {
			t.Errorf("keys create --permission %s says %q, %q; want a key, and a warning: %t", permission, stdout, stderr, unknown)
		}
	}
}

// A folder that was not there is one that perhaps was not meant.
func TestCommandsSayThatThereIsNoDataFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	users := filepath.Join(dir, "users.ndjson")
	if err := os.WriteFile(users, []byte(`{"id":1,"name":"陳怡君","role":"agent"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing")
	for _, args := range [][]string{{"keys", "list"}, {"keys", "revoke", "k"}} {
		_, stderr := call(t, exitError, append(args, "--data", missing)...)
		if !strings.Contains(stderr, "there is no data folder at "+missing) {
			t.Errorf("%q says %q, want it to say that there is no folder at %s", args, stderr, missing)
		}
		if _, err := os.Stat(missing); err == nil {
			t.Fatalf("%q made the folder", args)
		}
	}
	for name, args := range map[string][]string{
		"keys":    {"keys", "create", "--tenant", "a", "--user", "1", "--all"},
		"load":    {"load", "--tenant", "a", "users", users},
		"migrate": {"migrate"},
	} {
		made := filepath.Join(dir, name)
		_, first := call(t, exitOK, append(args, "--data", made)...)
		_, second := call(t, exitOK, append(args, "--data", made)...)
		if !strings.Contains(first, made) || second != "" {
			t.Errorf("%q says %q, and when repeated %q; want %s the first time alone", args, first, second, made)
		}
	}
	relative := command(t, "keys", "list", "--data", "here")
	relative.Dir = dir
	out, _ := relative.CombinedOutput() // the exit code is that above
	if want := filepath.Join(dir, "here"); !strings.Contains(string(out), want) {
		t.Errorf("keys list --data here says %q, want it to name %s", out, want)
	}
}
