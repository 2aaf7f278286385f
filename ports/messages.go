package ports

import "github.com/batchport/batchport/domain"

// Messages renders failures in words.
type Messages interface {
	// Text returns what f says, as a sentence in the locale: zh_TW, zh_CN,
	// en_US or ja_JP. A locale that is not known gives en_US, a code that is
	// not known the code itself. It never fails and never blocks.
	//
	// A failure with the parameter row, and perhaps column, in letters, is about
	// a value in a sheet: the text says where, as C17, and calls a column that is
	// known by its title. The field of any other failure is a path, which stays as it is.
	//
	// What else is wrong with the same item ([domain.Failure.Also]) is not said.
	Text(locale string, f domain.Failure) string
}

// Labels renders the titles of columns, the names of sheets and files, and
// the words that stand for values in them.
type Labels interface {
	// Label returns what key, such as "estate.rent", is called in the locale:
	// zh_TW, zh_CN, en_US or ja_JP. A locale that is not known gives en_US, a
	// key that is not known the key itself. It never fails and never blocks.
	Label(locale, key string) string
}

// Counts says in words how many things there are.
type Counts interface {
	// Count returns the sentence of key, such as "budget_sync.created", about n
	// things in the locale: zh_TW, zh_CN, en_US or ja_JP. A locale that is not
	// known gives en_US, a key that is not known the key itself. It never fails
	// and never blocks.
	Count(locale, key string, n int) string
}
