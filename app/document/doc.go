// Package document reads JSON from outside strictly, whether it came as the
// body of a request or as a line of a file. [Parse] refuses what two programs
// may read differently and names the place; the [Value] that it gives keeps
// what encoding/json would lose: the order of an object's members, numbers as
// they were written, and whether a value was sent at all.
package document
