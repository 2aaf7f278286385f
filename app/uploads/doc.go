// Package uploads keeps the files that clients send, and those that are
// fetched for them, until nobody needs them any more.
//
// The content of an upload is in [ports.Files], its description in
// [ports.Uploads]. An upload exists while its description does: the file is
// committed first and removed last, so that a crash in between leaves a file
// without a description, which [Uploads.Run] removes, and never the reverse.
package uploads
