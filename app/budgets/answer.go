package budgets

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/batchport/batchport/domain"
)

// Answer is what became of the rows of a sync.
type Answer struct {
	BizID    string
	Created  int
	Updated  int
	Faulty   []RowNote // what is wrong with rows, which were not stored
	Refused  []RowNote // rows that the database refused
	Warnings []RowNote // what is doubtful about rows that were stored
}

// RowNote says something about a row: in lists, by the order of the rows.
type RowNote struct {
	Index   int     // from 0
	Code    *string // as sent; nil when no text was
	Failure domain.Failure
}

// maxNotes bounds how many notes one answer has. Beyond it each row has its
// first alone, so that a hostile request of ten thousand rows with hundreds of
// faults each takes no memory that nobody set aside.
const maxNotes = 20_000

// notes collects notes about the rows of one request.
type notes struct {
	list []RowNote
	room *int // what is left of maxNotes, for all lists together
}

func (n *notes) add(index int, rule *string, failures ...domain.Failure) {
	for _, f := range within(n.room, failures) {
		n.list = append(n.list, RowNote{index, rule, f})
	}
}

// within returns the failures, or the first alone when there is no room for
// all; then the others are let go of.
func within(room *int, failures []domain.Failure) []domain.Failure {
	if len(failures) > 1 && len(failures) > *room {
		failures = slices.Clone(failures[:1])
	}
	*room -= len(failures)
	return failures
}

// sorted returns the notes in the order of their rows.
func (n *notes) sorted() []RowNote {
	slices.SortStableFunc(n.list, func(a, b RowNote) int { return a.Index - b.Index })
	return n.list
}

// answerDocument is an answer as it is kept: without words, so that whoever
// asks again may do so in another language.
type answerDocument struct {
	BizID    string         `json:"bizId"`
	Created  int            `json:"created"`
	Updated  int            `json:"updated"`
	Faulty   []noteDocument `json:"faulty,omitempty"`
	Refused  []noteDocument `json:"refused,omitempty"`
	Warnings []noteDocument `json:"warnings,omitempty"`
}

type noteDocument struct {
	Index  int               `json:"i"`
	Code   *string           `json:"code,omitempty"`
	Class  domain.Code       `json:"class"`
	Field  string            `json:"field,omitempty"`
	Value  string            `json:"value,omitempty"`
	Params map[string]string `json:"params,omitempty"`
}

func (a Answer) encode() ([]byte, error) {
	text, err := json.Marshal(answerDocument{
		a.BizID, a.Created, a.Updated, documentsOf(a.Faulty), documentsOf(a.Refused), documentsOf(a.Warnings),
	})
	if err != nil {
		return nil, fmt.Errorf("encode the answer to a sync: %w", err)
	}
	return text, nil
}

func decodeAnswer(text []byte) (Answer, error) {
	var d answerDocument
	if err := json.Unmarshal(text, &d); err != nil {
		return Answer{}, fmt.Errorf("decode the answer to a sync: %w", err)
	}
	return Answer{d.BizID, d.Created, d.Updated, notesOf(d.Faulty), notesOf(d.Refused), notesOf(d.Warnings)}, nil
}

func documentsOf(list []RowNote) []noteDocument {
	documents := make([]noteDocument, len(list))
	for i, n := range list {
		f := n.Failure
		documents[i] = noteDocument{n.Index, n.Code, f.Code, f.Field, f.Value, f.Params}
	}
	return documents
}

func notesOf(documents []noteDocument) []RowNote {
	list := make([]RowNote, len(documents))
	for i, d := range documents {
		list[i] = RowNote{d.Index, d.Code, domain.Failure{Code: d.Class, Field: d.Field, Value: d.Value, Params: d.Params}}
	}
	return list
}

// shortCode is a code as a note has it: what was sent, shortened when it is
// far longer than a code can be.
func shortCode(sent string) *string {
	const most = 200
	if len(sent) > most {
		sent = strings.ToValidUTF8(sent[:most], "")
	}
	return &sent
}
