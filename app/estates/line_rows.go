package estates

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strconv"
)

// lineRows remembers in which rows each statement line stands, in 24 bytes a
// row whatever the rows say: a file may have a million. Lines are told apart
// by 128 bits of a hash with random seeds.
type lineRows struct {
	seeds [2]maphash.Seed
	rows  []lineRow
	key   []byte
}

type lineRow struct {
	line [2]uint64
	row  int32
	bad  bool // it loses to the last good row, and never wins
}

func (l *lineRows) add(row StatementRow) {
	if l.rows == nil {
		l.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	}
	l.key = append(strconv.AppendInt(l.key[:0], row.EstateID, 10), ' ')
	l.key = append(l.key, row.Item...)
	l.rows = append(l.rows, lineRow{
		line: [2]uint64{maphash.Bytes(l.seeds[0], l.key), maphash.Bytes(l.seeds[1], l.key)}, row: int32(row.Row), bad: row.Faults != nil,
	})
}

// replaced returns the rows that are replaced by later good ones. Nothing can be
// added after it.
func (l *lineRows) replaced() laterRows {
	slices.SortFunc(l.rows, func(a, b lineRow) int {
		return cmp.Or(cmp.Compare(a.line[0], b.line[0]), cmp.Compare(a.line[1], b.line[1]), cmp.Compare(a.row, b.row))
	})
	var later laterRows
	last := int32(0) // the last good row of the line that is looked at, from the back; 0 when none was seen
	for i := len(l.rows) - 1; i >= 0; i-- {
		if i == len(l.rows)-1 || l.rows[i].line != l.rows[i+1].line {
			last = 0
		}
		switch {
		case last > 0:
			later = append(later, [2]int32{l.rows[i].row, last})
		case !l.rows[i].bad:
			last = l.rows[i].row
		}
	}
	l.rows = nil
	slices.SortFunc(later, func(a, b [2]int32) int { return cmp.Compare(a[0], b[0]) })
	return later
}

// laterRows are rows, in order, each with the one that replaces it.
type laterRows [][2]int32

// of returns the row that replaces row, or 0.
func (l laterRows) of(row int) int {
	i, found := slices.BinarySearchFunc(l, int32(row), func(a [2]int32, row int32) int { return cmp.Compare(a[0], row) })
	if !found {
		return 0
	}
	return int(l[i][1])
}
