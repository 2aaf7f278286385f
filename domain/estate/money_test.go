package estate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/batchport/batchport/domain/estate"
)

func TestParseMoney(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"0": "0.00", "-0": "0.00", "+7": "7.00", "1250.5": "1250.50", "-1,250.50": "-1250.50", "0.05": "0.05", "-0.05": "-0.05",
		"007": "7.00", "1,234,567.8": "1234567.80", "12,345": "12345.00", "3.1000": "3.10", "3.00": "3.00",
		"9999999999999.99": "9999999999999.99", "-9,999,999,999,999.99": "-9999999999999.99",
	} {
		m, ok := estate.ParseMoney(s)
		assert.True(t, ok, "ParseMoney(%q)", s)
		assert.Equal(t, want, m.String(), "ParseMoney(%q)", s)
	}
	for _, s := range []string{
		"", " ", "-", "+", ".", "5.", ".5", "--5", "+-5", "-+5", "5-", "1.005", "1.2.3", "1e3", "0x1", "NaN", " 5", "5 ", "５", "NT$5", "(5)",
		",123", "1,", "1,23", "12,34,567", "1234,567", "1,,234", "1,234.5,6", "1.234,5",
		"10000000000000", "-10000000000000.00", "9,999,999,999,999.990001", strings.Repeat("9", 30),
	} {
		m, ok := estate.ParseMoney(s)
		assert.False(t, ok, "ParseMoney(%q) = %s, want it refused", s, m)
		assert.Zero(t, m, "ParseMoney(%q)", s)
	}
}

// What is written is read as the same amount.
func TestMoneyRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := estate.Money(rapid.Int64Range(-int64(estate.MaxMoney), int64(estate.MaxMoney)).Draw(t, "money"))
		got, ok := estate.ParseMoney(want.String())
		if !ok || got != want {
			t.Fatalf("ParseMoney(%q) = %d, %t; want %d", want.String(), got, ok, want)
		}
	})
}

func TestParseMonth(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"190001", "202611", "202612", "999912"} {
		m, ok := estate.ParseMonth(s)
		require.True(t, ok, "ParseMonth(%q)", s)
		assert.Equal(t, estate.Month(s), m)
	}
	for _, s := range []string{"", "2026", "202600", "202613", "2026-11", "2026/11", "20261101", "189912", "000001", " 202611", "２０２６１１", "20261"} {
		m, ok := estate.ParseMonth(s)
		assert.False(t, ok, "ParseMonth(%q)", s)
		assert.Empty(t, m, "ParseMonth(%q)", s)
	}
}
