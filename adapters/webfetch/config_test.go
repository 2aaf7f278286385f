package webfetch_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/webfetch"
	"github.com/batchport/batchport/domain"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		config webfetch.Config
		code   domain.Code // "" means that it is taken
		field  string
	}{
		{webfetch.Config{}, "", ""},
		{webfetch.Config{MaxBytes: 1, Timeout: time.Nanosecond, AllowedHosts: []string{}}, "", ""},
		{webfetch.Config{MaxBytes: -1}, domain.CodeOutOfRange, "max_bytes"},
		{webfetch.Config{Timeout: -time.Second}, domain.CodeOutOfRange, "timeout"},
	} {
		wantConfig(t, tt.config, tt.code, tt.field)
	}
	for want, hosts := range map[domain.Code]string{
		"": "localhost files.example FILES.example:8443 a_b.example xn--fsqu00a.example files 10.1.2.3 10.1.2.3:1 10.1.2.3:65535 ::1 [::1] [::1]:8443 [fd00::1]:443",
		domain.CodeInvalid: "https://files.example files.example/ files.example: files.example:https files.example:0 files.example:65536 " +
			"files.example:443:443 *.example .example files.example. user@files.example 例え.example 127.1 2130706433 0x7f.1 :443 [] [fe80::1%lo] fe80::1%lo " +
			"[fe80::1%lo]:443 10.0.0.0/8 -a.example a..b? : [::1]8443",
	} {
		for host := range strings.FieldsSeq(hosts) {
			field := map[bool]string{true: "", false: "allowed_hosts"}[want == ""]
			wantConfig(t, webfetch.Config{AllowedHosts: []string{"ok.example", host}}, want, field)
		}
	}
	wantConfig(t, webfetch.Config{AllowedHosts: []string{""}}, domain.CodeInvalid, "allowed_hosts")
}

func wantConfig(t *testing.T, config webfetch.Config, code domain.Code, field string) {
	t.Helper()
	_, err := webfetch.New(config)
	if code == "" {
		if err != nil {
			t.Errorf("New(%+v) = %v, want nil", config, err)
		}
		return
	}
	if !errors.Is(err, code) || domain.FailureOf(err).Field != field {
		t.Errorf("New(%+v) = %v, want %s of %s", config, err, code, field)
	}
}
