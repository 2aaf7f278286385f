// Package estates has the kinds of jobs on estates: advertising them and
// withdrawing the advertisements, and exporting them. [New] registers the
// kinds with an engine; [Estates.Submit] takes a request in the form of the
// source interface, `POST /api2/getBatchCode`, and says all that is wrong with
// it at once. [Loader] takes over the objects of another system.
package estates
