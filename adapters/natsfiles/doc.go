// Package natsfiles keeps files in a bucket of the NATS object store, for
// hosts that run on several machines and share no disk.
//
// It takes an open *nats.Conn to a NATS server of version 2.12 or later with
// JetStream. The bucket is called after [Config.Prefix], BATCHPORT_FILES unless
// told otherwise, which makes its stream OBJ_BATCHPORT_FILES. It is made when it
// is first needed. An object's name is the tenant's, "/", and the file's id:
//
//	$O.BATCHPORT_FILES.C.TOKEN        the chunks of one attempt at a file
//	$O.BATCHPORT_FILES.C.TOKEN.begun  there while the attempt may be committed
//	$O.BATCHPORT_FILES.M.NAME         what the object is: size, digest, TOKEN
//
// Objects are in the form that every client of NATS reads
// (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-20.md),
// but are not written by the client's own Put: that sends the description
// before it knows that the chunks were stored, so that a file with a hole may
// replace a whole one, and lets chunks overtake each other.
//
// # What is certain
//
// A chunk is sent when the one before is stored, under the condition that it
// is the last, so that it is stored once and in its place, also when answers are
// lost or another server takes over. The description follows when all chunks are
// stored, and only if nobody has given up the attempt meanwhile; it is one
// message, and makes the file.
//
// A reader is given a file when all of it is here and has the digest that the
// writer took: content goes into a temporary file without a name first, which
// serves later readers too, within [Config.CacheBytes]. A chunk that is missing
// or changed is an error, never half a file.
//
// How safe a committed file is, the servers decide: one server acknowledges
// before its disk has the data (sync_interval), three replicas survive the loss
// of any one.
package natsfiles
