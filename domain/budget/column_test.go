package budget_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/batchport/batchport/domain/budget"
)

func TestParseColumn(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]budget.ColumnRef{
		"type_id":                           {Source: budget.Line, Name: "type_id"},
		"column1":                           {Source: budget.Line, Name: "column1"},
		"header_column22":                   {Source: budget.Head, Name: "column22"},
		"charge_department_column1":         {Source: budget.Department, Name: "column1"},
		"project_column1":                   {Source: budget.Project, Name: "column1"},
		"charge_department":                 {Source: budget.Line, Name: "charge_department"},
		"project":                           {Source: budget.Line, Name: "project"},
		"header":                            {Source: budget.Line, Name: "header"},
		"header_":                           {Source: budget.Line, Name: "header_"},
		"charge_department_":                {Source: budget.Line, Name: "charge_department_"},
		"project_":                          {Source: budget.Line, Name: "project_"},
		"charge_":                           {Source: budget.Line, Name: "charge_"},
		"Header_column1":                    {Source: budget.Line, Name: "Header_column1"},
		"headercolumn1":                     {Source: budget.Line, Name: "headercolumn1"},
		"my_header_column1":                 {Source: budget.Line, Name: "my_header_column1"},
		"header_1":                          {Source: budget.Head, Name: "1"},
		"header__":                          {Source: budget.Head, Name: "_"},
		"header_project_x":                  {Source: budget.Head, Name: "project_x"},
		"project_header_x":                  {Source: budget.Project, Name: "header_x"},
		"a":                                 {Source: budget.Line, Name: "a"},
		"Z9_":                               {Source: budget.Line, Name: "Z9_"},
		strings.Repeat("a", 64):             {Source: budget.Line, Name: strings.Repeat("a", 64)},
		"header_" + strings.Repeat("1", 57): {Source: budget.Head, Name: strings.Repeat("1", 57)},
	} {
		got, ok := budget.ParseColumnRef(name)
		assert.True(t, ok, name)
		assert.Equal(t, want, got, name)
		assert.Equal(t, name, got.String())
	}
	for _, name := range []string{
		"", "_a", "1a", "a-b", "a b", " a", "a\n", "a.b", "欄", "é", "a\x00", "a費", "\xff", strings.Repeat("a", 65),
		"header_" + strings.Repeat("1", 58), "a" + strings.Repeat("費", 21) + "a",
	} {
		got, ok := budget.ParseColumnRef(name)
		assert.False(t, ok, "%q gives %+v", name, got)
		assert.Zero(t, got, name)
	}
}

// A name is one of a column exactly when it has the form, and comes back.
func TestColumnsOfAnyName(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(names(), rapid.StringMatching(`[A-Za-z0-9_.@\[{/:\-]{0,70}`), rapid.String()).Draw(t, "name")
		c, ok := budget.ParseColumnRef(name)
		if want := form.MatchString(name) && !strings.HasSuffix(name, "\n"); ok != want {
			t.Fatalf("ParseColumnRef(%q) is %t, want %t", name, ok, want)
		}
		if ok && c.String() != name {
			t.Fatalf("ParseColumnRef(%q) = %+v, which is %q", name, c, c)
		}
	})
}
