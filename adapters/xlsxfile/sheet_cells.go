package xlsxfile

import "github.com/batchport/batchport/ports"

// cell reads the cell that has just begun (ISO/IEC 29500-1, 18.3.1.4).
func (r *sheetRows) cell() bool {
	s := r.scan
	column, kind, style := r.column+1, "n", -1
	placed := false
	for i := range s.attrs {
		a := &s.attrs[i]
		if len(a.name) != 1 {
			continue
		}
		switch a.name[0] {
		case 'r':
			n, ok := r.place(a.value)
			if !ok || n < column {
				return r.impossible("a cell that is not behind the one before it, or in another row")
			}
			column, placed = n, true
		case 's':
			n, ok := wholeNumber(a.value)
			if !ok {
				s.broken("the style of a cell is no number")
				return false
			}
			style = n
		case 't':
			if kind = cellKind(a.value); kind == "" {
				s.broken("a cell of a type that does not exist")
				return false
			}
		}
	}
	if column >= maxColumns {
		if placed {
			return r.impossible("a cell behind the last column")
		}
		return r.refuse(tooMany("columns", maxColumns))
	}
	r.column = column
	if s.short {
		s.next()
		return true
	}
	from := len(r.texts)
	for s.child() {
		switch {
		case len(s.name) == 1 && s.name[0] == 'v' && kind != "inlineStr":
			r.texts = r.texts[:from]
			if kind == "str" {
				r.texts = s.xString(r.texts, false)
			} else {
				r.texts = s.text(r.texts)
			}
		case kind == "inlineStr" && string(s.name) == "is":
			r.texts = s.richText(r.texts[:from])
		default:
			s.skip() // a formula, or what later versions add
		}
		if s.err != nil {
			return false
		}
	}
	return s.err == nil && r.value(kind, style, from)
}

// value sets the cell that is being read to what r.texts has from there on.
func (r *sheetRows) value(kind string, style, from int) bool {
	if kind == "inlineStr" || kind == "str" {
		if len(r.texts) == from {
			return true
		}
		return r.putText(ports.CellText, from)
	}
	value := trimSpace(r.texts[from:])
	if len(value) == 0 {
		r.texts = r.texts[:from]
		return true
	}
	switch kind {
	case "s":
		return r.sharedText(value, from)
	case "b":
		switch string(value) {
		case "1", "true":
			return r.putValue(ports.Cell{Kind: ports.CellBool, Bool: true}, from)
		case "0", "false":
			return r.putValue(ports.Cell{Kind: ports.CellBool}, from)
		}
	case "d":
		if t, ok := isoTime(string(value)); ok {
			return r.putValue(ports.Cell{Kind: ports.CellDate, Date: t}, from)
		}
	case "n":
		if !isNumber(value) {
			break
		}
		if style >= 0 && style < len(r.book.dates) && r.book.dates[style] {
			if t, ok := cellTime(value, r.book.from1904); ok {
				return r.putValue(ports.Cell{Kind: ports.CellDate, Date: t}, from)
			}
		}
		r.texts = append(r.texts[:from], value...)
		return r.putText(ports.CellNumber, from)
	case "e":
		r.texts = append(r.texts[:from], value...)
		return r.putText(ports.CellError, from)
	}
	// What is not what its type says is handed on as it is.
	r.texts = append(r.texts[:from], value...)
	return r.putText(ports.CellText, from)
}

// putValue is put for a cell that has no text.
func (r *sheetRows) putValue(cell ports.Cell, from int) bool {
	r.texts = r.texts[:from]
	return r.put(cell)
}

// sharedText sets the cell that is being read to a shared string.
func (r *sheetRows) sharedText(index []byte, from int) bool {
	i, ok := wholeNumber(index)
	if !ok {
		return r.impossible("a shared string without a number")
	}
	text, ok := r.book.strings.at(i)
	if !ok {
		return r.impossible("a shared string that is not there")
	}
	r.texts = r.texts[:from]
	if len(text) == 0 {
		return true
	}
	// A long text that many cells share makes much out of little.
	c := r.book.container
	if c.meter.spent += int64(len(text)); c.meter.spent > c.limits.InflatedBytes {
		return r.refuse(tooLarge("workbook", c.limits.InflatedBytes))
	}
	r.texts = append(r.texts, text...)
	return r.putText(ports.CellText, from)
}

// place reads a reference such as "AB12": the column, from 0. It must be in
// the row that is being read.
func (r *sheetRows) place(ref []byte) (column int, ok bool) {
	const letters = 3
	i := 0
	for ; i < len(ref); i++ {
		c := ref[i] | 0x20
		if c < 'a' || c > 'z' {
			break
		}
		if i == letters {
			return 0, false
		}
		column = column*26 + int(c-'a') + 1
	}
	row, ok := wholeNumber(ref[i:])
	return column - 1, ok && i > 0 && row == r.number
}

// cellKind returns a cell's type, or "" for one that does not exist.
func cellKind(value []byte) string {
	switch string(value) {
	case "s":
		return "s"
	case "n", "":
		return "n"
	case "str":
		return "str"
	case "inlineStr":
		return "inlineStr"
	case "b":
		return "b"
	case "e":
		return "e"
	case "d":
		return "d"
	}
	return ""
}

// isNumber reports whether b is a decimal number, maybe with an exponent.
func isNumber(b []byte) bool {
	i, digits := 0, 0
	if b[0] == '-' || b[0] == '+' {
		i++
	}
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		digits++
	}
	if i < len(b) && b[i] == '.' {
		for i++; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
			digits++
		}
	}
	if digits == 0 {
		return false
	}
	if i == len(b) {
		return true
	}
	if b[i]|0x20 != 'e' {
		return false
	}
	if i++; i < len(b) && (b[i] == '-' || b[i] == '+') {
		i++
	}
	return i < len(b) && allDigits(string(b[i:]))
}
