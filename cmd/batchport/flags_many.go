package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/adapters/webfetch"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
	"github.com/batchport/batchport/domain/estate"
)

// checkedList is a list of words that are refused as they are set, as the text
// of a [checkedFlag] is.
type checkedList struct {
	values *[]string
	form   string // as the help names it
	check  func(string) error
}

func (l *checkedList) String() string {
	if l.values == nil { // as the help makes it, to compare
		return ""
	}
	return strings.Join(*l.values, ",")
}

func (l *checkedList) Type() string { return l.form }

// Set implements [pflag.Value]. It adds to what was set before.
func (l *checkedList) Set(value string) error {
	var added []string
	for word := range strings.SplitSeq(value, ",") {
		word = strings.TrimSpace(word)
		if err := l.check(word); err != nil {
			return err
		}
		added = append(added, word)
	}
	*l.values = append(*l.values, added...)
	return nil
}

// addListFlag gives a command a flag that may be given more than once, and
// whose values have commas between words that pass check.
func addListFlag(cmd *cobra.Command, name, form, help string, check func(string) error) *[]string {
	list := &checkedList{values: new([]string), form: form, check: check}
	cmd.Flags().Var(list, name, help)
	return list.values
}

// checkedCount is a number of things, at least one.
type checkedCount struct {
	value *uint32
	form  string // what is counted, as the help names it
}

func (c *checkedCount) String() string {
	if c.value == nil { // as the help makes it, to compare
		return ""
	}
	return strconv.FormatUint(uint64(*c.value), 10)
}

func (c *checkedCount) Type() string { return c.form }

// Set implements [pflag.Value].
func (c *checkedCount) Set(value string) error {
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil || n == 0 {
		return fmt.Errorf("want a number of %s from 1 to 4294967295, in digits alone", c.form)
	}
	*c.value = uint32(n)
	return nil
}

// addCountFlag gives a command a flag that counts things of the form.
func addCountFlag(cmd *cobra.Command, value *uint32, name string, initial uint32, form, help string) {
	*value = initial
	cmd.Flags().Var(&checkedCount{value: value, form: form}, name, help)
}

func checkFetchFrom(host string) error {
	if _, err := webfetch.New(webfetch.Config{AllowedHosts: []string{host}}); err != nil {
		return fmt.Errorf("%q is no host: want HOST or HOST:PORT, such as files.example.internal:8443", host)
	}
	return nil
}

func checkCapability(name string) error {
	if !estate.Capability(name).WellFormed() {
		return errors.New("want names of up to 64 letters (A-Z, a-z), digits and '_' that begin with a letter, such as show_estate")
	}
	return nil
}

func checkColumn(name string) error {
	if _, ok := budget.ParseColumnRef(name); !ok {
		return errors.New("want names of up to 64 letters (A-Z, a-z), digits and '_' that begin with a letter, such as header_column22")
	}
	return nil
}

func checkConsumer(name string) error {
	tenant, rest, found := strings.Cut(name, "_")
	if _, err := domain.ParseTenant(tenant); err != nil || !found || rest == "" {
		return errors.New("want TENANT_NAME, such as acme_billing")
	}
	return nil
}

// listFlag hands on each of the words that it is given, with commas between.
type listFlag struct {
	form string // as the help names it
	set  func(word string) error
}

func (l *listFlag) String() string { return "" }

func (l *listFlag) Type() string { return l.form }

// Set implements [pflag.Value].
func (l *listFlag) Set(value string) error {
	for word := range strings.SplitSeq(value, ",") {
		if err := l.set(strings.TrimSpace(word)); err != nil {
			return err
		}
	}
	return nil
}

// pairFlag hands on a name and what is said of it, NAME=VALUE.
type pairFlag struct {
	form string // as the help names it
	set  func(name, value string) error
}

func (p *pairFlag) String() string { return "" }

func (p *pairFlag) Type() string { return p.form }

// Set implements [pflag.Value].
func (p *pairFlag) Set(value string) error {
	name, value, found := strings.Cut(value, "=")
	if !found || name == "" {
		return fmt.Errorf("want %s", p.form)
	}
	return p.set(name, value)
}
