// Package xlsxfile writes and reads Excel workbooks (Office Open XML, ISO/IEC
// 29500).
//
// # Writing
//
// tealeg/xlsx makes the parts that a workbook consists of and its styles; the
// rows themselves stream straight into the archive, so that a workbook of any
// length is made in a few megabytes of memory.
//
// What a workbook cannot hold is written as near to it as can be, and never
// refused, since one odd value must not cost the reader the whole file:
//
//   - A character that XML does not allow, and broken UTF-8, becomes U+FFFD.
//   - A text over 32,767 UTF-16 units, Excel's limit for a cell, is cut and
//     ends with an ellipsis.
//   - A number of more than 15 significant digits becomes text, since Excel
//     shows no more than 15 and would print the rest as zeros; so does a
//     number that is not in plain decimal form.
//   - A date before 1900-03-01 or after 9999-12-31 becomes the text yyyy-mm-dd.
//     Excel counts a 29 February 1900 that never was, and programs disagree
//     about the days before it.
//
// Text is written as inline strings: shared ones would have to be kept in
// memory until the end. Text never becomes a formula, whatever it starts with,
// and its cells carry the format "text", so that editing one does not make it
// a formula either.
//
// # Reading
//
// A workbook that is read comes from outside. archive/zip reads the directory
// of its archive; everything else is code of this package, which takes the
// sheet's XML apart as it is inflated and keeps nothing but the shared strings.
//
//   - The first sheet is the first one of the workbook that has cells, also
//     if it is hidden. Both formats are read, the transitional and the strict
//     one, with or without prefixes, in UTF-8.
//   - A text comes without how it is pronounced, with its escapes such as
//     "_x000D_" resolved, and without the white space at its ends that Excel
//     would drop too.
//   - A number is a date when its style shows one; a time without a day is on
//     1899-12-31. Dates before March 1900 are Excel's, of which 29 February
//     comes out as the 28th. Numbers that are beyond its calendar stay numbers.
//   - A formula is what it came to. One that was never calculated is empty.
//   - What is not what its type says, such as a number "1,5", is text.
//
// What a file says of its own sizes is never believed: not the directory's,
// not the sheet's dimension, not the count of the shared strings. [ReadLimits]
// bound what it really costs. Beside them, entries must not overlap or be there
// twice, references must go forward and stay within a sheet, and document types
// are refused, since their entities make much of little.
//
// The limit that refuses what passes the others is that of idle bytes: a
// workbook may not go on and on without coming to something. Each byte of
// XML counts, a tag as 24 more and more for many attributes, a comment, an
// instruction and a reference likewise, and a compressed byte as 4; each cell
// and each shared string with content takes 512 off, and twice its bytes. A
// count of one is about two nanoseconds.
package xlsxfile
