package estate_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/batchport/batchport/domain/estate"
)

func TestParseMoney(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]estate.Money{
		"0": 0, "-0": 0, "+0.00": 0, "1": 100, "007": 700, "12.3": 1230, "12.34": 1234, "12.05": 1205, "0.01": 1, "-0.01": -1, "+0.5": 50,
		"12.340": 1234, "12.000": 1200, "1.50000000000000000000": 150,
		"1,250": 125_000, "-1,250.5": -125_050, "+12,345,678.90": 1_234_567_890, "123,456": 12_345_600, "0,001": 100,
		"9999999999999.99": estate.MaxMoney, "-9,999,999,999,999.99": -estate.MaxMoney, "09999999999999.990": estate.MaxMoney,
	} {
		got, ok := estate.ParseMoney(s)
		assert.True(t, ok, s)
		assert.Equal(t, want, got, s)
	}
	for _, s := range []string{
		"", " ", "-", "+", ".", "-.", ",", "1.", ".5", "-.5", "1.2.3", "--1", "+-1", "-+1", "1-", "- 1", " 1", "1 ", "1\n", "1e3", "0x1", "NaN", "∞",
		"1.234", "1.001", "0.005", "12.3401", "1.2-", "1.+2", "1.2,3", "1.000,5",
		",1", "1,", "1,25", "1,2500", "12,50", "1,,250", "1,250,", ",250", "1250,000", "1,250,00", "1,25O", "-,250",
		"１", "٣", "−1", "1．5", "1，250", "NT$1", "1元",
		"10000000000000", "10,000,000,000,000", "-10000000000000", "9999999999999.990000001", "99999999999999999999", strings.Repeat("9", 400),
	} {
		got, ok := estate.ParseMoney(s)
		assert.False(t, ok, "%q gives %s", s, got)
		assert.Zero(t, got, s)
	}
}

func TestMoneyString(t *testing.T) {
	t.Parallel()
	for m, want := range map[estate.Money]string{
		0: "0.00", 1: "0.01", -1: "-0.01", 99: "0.99", 100: "1.00", -125_050: "-1250.50", estate.MaxMoney: "9999999999999.99",
		-estate.MaxMoney: "-9999999999999.99", math.MaxInt64: "92233720368547758.07", math.MinInt64: "-92233720368547758.08",
	} {
		assert.Equal(t, want, m.String())
	}
}

// What is rendered is read as the same amount, however else people write it.
func TestMoneyRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := estate.Money(rapid.Int64Range(-int64(estate.MaxMoney), int64(estate.MaxMoney)).Draw(t, "amount"))
		plain := m.String()
		sign, unsigned := "", plain
		if strings.HasPrefix(plain, "-") {
			sign, unsigned = "-", plain[1:]
		} else if rapid.Bool().Draw(t, "plus") {
			sign = "+"
		}
		whole, decimals, _ := strings.Cut(unsigned, ".")
		if rapid.Bool().Draw(t, "commas") {
			for i := len(whole) - 3; i > 0; i -= 3 {
				whole = whole[:i] + "," + whole[i:]
			}
		}
		forms := []string{plain, sign + whole + "." + decimals, sign + whole + "." + decimals + strings.Repeat("0", rapid.IntRange(0, 5).Draw(t, "zeros"))}
		if strings.HasSuffix(decimals, "0") {
			forms = append(forms, sign+whole+"."+decimals[:1])
		}
		if decimals == "00" {
			forms = append(forms, sign+whole)
		}
		for _, form := range forms {
			if got, ok := estate.ParseMoney(form); !ok || got != m {
				t.Fatalf("ParseMoney(%q) = %s, %t; want %s", form, got, ok, m)
			}
		}
	})
}

// Whatever is read is the number that it says, to the last hundredth.
func TestMoneyIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.StringMatching(`[-+]?[0-9]{0,16}(\.[0-9]{0,4})?`),
			rapid.StringMatching(`[-+]?[0-9]{1,4}(,[0-9]{2,4}){0,4}(\.[0-9]{1,2}0*)?`),
			rapid.StringOf(rapid.RuneFrom([]rune("0159.,-+ "))),
		).Draw(t, "text")
		got, ok := estate.ParseMoney(s)
		if !ok {
			return
		}
		said, known := new(big.Rat).SetString(strings.ReplaceAll(s, ",", ""))
		if !known || said.Cmp(big.NewRat(int64(got), 100)) != 0 || got > estate.MaxMoney || got < -estate.MaxMoney {
			t.Fatalf("ParseMoney(%q) = %s, want what it says", s, got)
		}
	})
}
