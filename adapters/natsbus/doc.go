// Package natsbus is the bell and the stream of events on NATS JetStream.
//
// It takes an open *nats.Conn, to any NATS server of version 2.10 or later
// with JetStream, such as [Connect] makes, or to the one that
// [github.com/batchport/batchport/adapters/natsbus/embedded] runs in this
// process, which this package does not link.
//
// # Streams and subjects
//
// Everything is named after [Config.Prefix], "batchport" unless told otherwise:
//
//	stream BATCHPORT_WORK    subjects batchport.work.<kind>
//	stream BATCHPORT_EVENTS  subjects batchport.v1.<tenant>.<topic>
//
// Both are made when they are first needed, and again when they are gone. SQL is
// the truth: whoever deletes a stream, a consumer or all of the server's
// files loses no work and, because the outbox publishes again, no event.
//
// # Events
//
// An event is a CloudEvent 1.0 in structured JSON, with the header
// "content-type: application/cloudevents+json" and its id in Nats-Msg-Id:
//
//	{
//	  "specversion": "1.0",
//	  "id": "0197f3c2-5a7e-7c11-9f0e-3b1f4a2d9c55",
//	  "source": "/batchport",
//	  "type": "batchport.job.completed",
//	  "subject": "68f0a1b2c3d4e5.00000001",
//	  "time": "2026-11-03T04:05:06.789012Z",
//	  "datacontenttype": "application/json",
//	  "tenant": "acme",
//	  "sequence": "0000000000000000003",
//	  "data": {"state": "completed"}
//	}
//
// The type is the first and the last word of the topic, so that all kinds of
// job share theirs: topic "job.estate_export.completed" has type
// "batchport.job.completed". The kind stands in the NATS subject,
// batchport.v1.acme.job.estate_export.completed. The sequence counts the
// events of one subject from 1; it has 19 digits because the sequence extension of
// CloudEvents wants text that sorts.
//
// An event comes at least once: tell repetitions by the id.
package natsbus
