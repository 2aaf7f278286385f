package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain/budget"
)

// ruleRows are the rows of a file that can be sent.
type ruleRows struct {
	lines   []int    // where each row begins in the file, from 1
	texts   [][]byte // each as a JSON document
	bad     []lineFault
	ignored []string // columns that no rule has
}

// lineFault is what is wrong with a line that was not sent.
type lineFault struct {
	Line    int    `json:"line"`
	Field   string `json:"field,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// add takes a row in. One that is no JSON would break the request that it is
// sent in, so it fails here.
func (r *ruleRows) add(line int, text []byte) {
	_, err := document.Parse(string(text))
	if err == nil { // in a request it is two levels down
		_, err = document.Parse("[[" + string(text) + "]]")
	}
	if err != nil {
		r.bad = append(r.bad, faultOfLine(line, err))
		return
	}
	r.lines, r.texts = append(r.lines, line), append(r.texts, text)
}

// readRuleLines reads a JSON document a line.
func readRuleLines(text []byte) (*ruleRows, error) {
	rows, n := &ruleRows{}, 0
	for line := range bytes.SplitSeq(bytes.TrimPrefix(text, []byte(byteOrderMark)), []byte("\n")) {
		n++
		if line = bytes.TrimSpace(line); len(line) > 0 {
			rows.add(n, line)
		}
	}
	return rows, nil
}

const byteOrderMark = "\ufeff"

// ruleColumns are what a file with commas may have.
var ruleColumns = []string{
	budget.CodeField, budget.PriorityField, budget.BudgetField, budget.ConditionField,
	budget.BranchField, budget.EventField, budget.DeletedField,
}

// readRuleTable reads a file with commas between, whose first line has the names
// of the fields. An empty cell is a field that is not there.
func readRuleTable(text []byte) (*ruleRows, error) {
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	if !utf8.Valid(text) {
		return nil, errors.New(`it is not in UTF-8: save it as "CSV UTF-8"`)
	}
	table := csv.NewReader(bytes.NewReader(text))
	header, err := table.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("it is empty")
	case err != nil:
		return nil, err
	}
	rows := &ruleRows{}
	columns, err := rows.readHeader(header)
	if err != nil {
		return nil, err
	}
	for {
		cells, err := table.Read()
		switch {
		case errors.Is(err, io.EOF):
			return rows, nil
		case errors.Is(err, csv.ErrFieldCount):
			line, _ := table.FieldPos(0)
			rows.bad = append(rows.bad, lineFault{Line: line, Code: "malformed", Message: fmt.Sprintf("The line has %d cells, and the first one has %d.", len(cells), len(header))})
			continue
		case err != nil: // of what comes behind a quote that is not closed nothing is certain
			return nil, err
		}
		rule := map[string]string{}
		for i, cell := range cells {
			if cell = strings.TrimSpace(cell); columns[i] != "" && cell != "" {
				rule[columns[i]] = cell
			}
		}
		line, _ := table.FieldPos(0)
		if len(rule) == 0 {
			continue
		}
		row, err := json.Marshal(rule)
		if err != nil {
			return nil, err
		}
		rows.add(line, row)
	}
}

// readHeader returns for each column the field that it has, "" for none.
func (r *ruleRows) readHeader(titles []string) ([]string, error) {
	columns := make([]string, len(titles))
	for i, title := range titles {
		title = strings.ToLower(strings.TrimSpace(title))
		switch {
		case !slices.Contains(ruleColumns, title):
			r.ignored = append(r.ignored, fmt.Sprintf("%q", strings.TrimSpace(titles[i])))
		case slices.Contains(columns, title):
			return nil, fmt.Errorf("two columns are called %s", title)
		default:
			columns[i] = title
		}
	}
	for _, needed := range ruleColumns[:4] {
		if !slices.Contains(columns, needed) {
			return nil, fmt.Errorf("its first line has no column %s; it may have %s", needed, strings.Join(ruleColumns, ", "))
		}
	}
	return columns, nil
}

// Limits of a request: those of a server without settings, less what is around
// the rows.
const (
	mostRows  = 100_000
	mostBytes = 16<<20 - 64
)

// chunks cuts the rows into runs that fit into a request, each given by its
// first row and the one behind its last. A row that is too large for any stands
// alone, to be refused by the server.
func (r *ruleRows) chunks(rows, size int) (runs [][2]int) {
	first, sum := 0, 0
	for i, text := range r.texts {
		if i > first && (i-first == rows || sum+len(text)+1 > size) {
			runs = append(runs, [2]int{first, i})
			first, sum = i, 0
		}
		sum += len(text) + 1
	}
	if first < len(r.texts) {
		runs = append(runs, [2]int{first, len(r.texts)})
	}
	return runs
}
