package telemetry

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// start begins the span of some work: under what the work is a part of, else
// under what ctx is in. What is submitted is produced, the rest consumes it.
func (t *Telemetry) start(ctx context.Context, work ports.Work) (context.Context, trace.Span) {
	if work.Parent.WellFormed() {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": string(work.Parent)})
	}
	kind, operation := trace.SpanKindConsumer, "process"
	if work.Sort == ports.WorkSubmit {
		kind, operation = trace.SpanKindProducer, "send"
	}
	ctx, span := t.tracer.Start(ctx, string(work.Sort)+" "+string(work.Kind), trace.WithSpanKind(kind))
	if !span.IsRecording() {
		return ctx, span
	}
	span.SetAttributes(
		attribute.String("messaging.system", "batchport"),
		attribute.String("messaging.operation.type", operation),
		attribute.String("messaging.destination.name", string(work.Kind)),
		attribute.String("batchport.tenant", string(work.Tenant)),
		attribute.Int("batchport.items", work.Items),
		attribute.Int64("batchport.attempt", work.Attempt),
	)
	if work.Job != "" {
		span.SetAttributes(attribute.String("batchport.job", string(work.Job)))
	}
	if work.Sort == ports.WorkChunk {
		span.SetAttributes(attribute.Int("batchport.first", work.First), attribute.Bool("batchport.suspect", work.Suspect))
	}
	return ctx, span
}

// finish ends the span of work. It says what went wrong by its code: the text
// of an error may say whose work it was.
func finish(span trace.Span, end ports.WorkEnd) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.String("batchport.result", string(end.Result)))
	if end.Job != "" {
		span.SetAttributes(attribute.String("batchport.job", string(end.Job)))
	}
	if end.Code != "" {
		span.SetAttributes(attribute.String("error.type", string(end.Code)))
	}
	switch end.Result {
	case ports.WorkUnavailable, ports.WorkSuspect, ports.WorkGivenUp, ports.WorkHung:
		span.SetStatus(codes.Error, string(end.Result))
	case ports.WorkDone, ports.WorkRefused, ports.WorkSuperseded, ports.WorkStopped, ports.WorkInterrupted:
	}
}

// traceOf returns where in a trace ctx is, also in one that is not recorded.
func traceOf(ctx context.Context) domain.TraceParent {
	at := trace.SpanContextFromContext(ctx)
	if !at.IsValid() {
		return ""
	}
	return domain.TraceParent(fmt.Sprintf("00-%s-%s-%s", at.TraceID(), at.SpanID(), at.TraceFlags()))
}
