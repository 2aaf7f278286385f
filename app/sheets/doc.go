// Package sheets reads what people write into cells of workbooks, for every
// kind of job that imports one, and bounds how many are open at a time.
package sheets
