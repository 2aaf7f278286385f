package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/domain"
)

// checkedFlag is text that is refused as it is set, on the command line and
// in the environment alike, so that the error names where it was set.
type checkedFlag struct {
	value *string
	form  string // as the help names it
	check func(string) error
}

func (f *checkedFlag) String() string {
	if f.value == nil { // as the help makes it, to compare
		return ""
	}
	return *f.value
}

func (f *checkedFlag) Type() string { return f.form }

// Set implements [pflag.Value].
func (f *checkedFlag) Set(value string) error {
	if err := f.check(value); err != nil {
		return err
	}
	*f.value = value
	return nil
}

// addCheckedFlag gives a command a flag whose values pass check. The initial
// value, which means that nobody set the flag, need not.
func addCheckedFlag(cmd *cobra.Command, name, initial, form, help string, check func(string) error) *string {
	value := initial
	cmd.Flags().Var(&checkedFlag{value: &value, form: form, check: check}, name, help)
	return &value
}

func checkFolder(value string) error {
	if value == "" {
		return errors.New("want a folder")
	}
	return nil
}

func checkAddress(value string) error {
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("want HOST:PORT, such as 127.0.0.1:8080")
	}
	return nil
}

// checkPublicURL takes what links can be made of by adding a path.
func checkPublicURL(value string) error {
	u, err := url.Parse(value)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return errors.New("want an absolute URL, such as https://batch.example.com")
	case u.User != nil, u.RawQuery != "", u.ForceQuery, u.Fragment != "":
		return errors.New("want a URL without user, query and fragment, such as https://batch.example.com")
	}
	return nil
}

func checkLocale(value string) error {
	if catalog.Locale(value, "", "") == "" {
		return errors.New("want zh_TW, zh_CN, en_US or ja_JP")
	}
	return nil
}

// parseTenant reads a --tenant that a command cannot do without.
func parseTenant(value string) (domain.TenantID, error) {
	if value == "" {
		return "", errors.New("--tenant is missing")
	}
	tenant, err := domain.ParseTenant(value)
	if err != nil {
		return "", fmt.Errorf("--tenant %q: want 1 to 64 of a-z, 0-9 and '-'", value)
	}
	return tenant, nil
}
