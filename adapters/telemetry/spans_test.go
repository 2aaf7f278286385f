package telemetry_test

import (
	"fmt"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/batchport/batchport/adapters/telemetry"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// A job is worked on in the trace that it was submitted in, by whomever.
func TestWorkIsInTheTraceOfItsJob(t *testing.T) {
	t.Parallel()
	tel, spans := recording()
	ctx, submitted := tel.Begin(t.Context(), ports.Work{Sort: ports.WorkSubmit, Kind: "edit", Tenant: "acme", Items: 3})
	stored := tel.Trace(ctx)
	submitted(ports.WorkEnd{Result: ports.WorkDone, Job: "6b03"})
	if !stored.WellFormed() {
		t.Fatalf("Trace() = %q, want a traceparent to store", stored)
	}
	for _, result := range []ports.WorkResult{ports.WorkDone, ports.WorkUnavailable, ports.WorkSuperseded} {
		ctx, ended := tel.Begin(t.Context(), ports.Work{Sort: ports.WorkChunk, Kind: "edit", Tenant: "acme", Job: "6b03", Parent: stored, Items: 3})
		if here := tel.Trace(ctx); here.TraceID() != stored.TraceID() || here == stored {
			t.Errorf("Trace(of a chunk) = %q, want a step of its own in %q", here, stored)
		}
		ended(ports.WorkEnd{Result: result, Code: domain.CodeUnavailable})
	}
	first := spans.Ended()[0]
	if first.Name() != "submit edit" || first.SpanKind() != trace.SpanKindProducer {
		t.Errorf("the first span is %s, %v; want submit edit, a producer", first.Name(), first.SpanKind())
	}
	for i, span := range spans.Ended()[1:] {
		if span.Name() != "chunk edit" || span.SpanKind() != trace.SpanKindConsumer || span.Parent().SpanID() != first.SpanContext().SpanID() {
			t.Errorf("span %d is %s, %v under %s; want chunk edit, a consumer under what was submitted", i, span.Name(), span.SpanKind(), span.Parent().SpanID())
		}
		if failed := span.Status().Code == codes.Error; failed != (i == 1) {
			t.Errorf("span %d is marked as failed: %t", i, failed)
		}
	}
}

// Without an exporter a job keeps the trace of its caller, and without a caller
// that traces it has none.
func TestWorkWithoutTraces(t *testing.T) {
	t.Parallel()
	tel := telemetry.New(telemetry.Config{})
	for _, parent := range []domain.TraceParent{callersCause, "", "nonsense"} {
		ctx, ended := tel.Begin(t.Context(), ports.Work{Sort: ports.WorkPlan, Kind: "edit", Parent: parent})
		want := parent
		if !parent.WellFormed() {
			want = ""
		}
		if got := tel.Trace(ctx); got != want {
			t.Errorf("Trace(under %q) = %q, want %q", parent, got, want)
		}
		ended(ports.WorkEnd{Result: ports.WorkDone})
	}
}

// A caller that does not sample has its jobs not sampled either.
func TestUnsampledStaysUnsampled(t *testing.T) {
	t.Parallel()
	tel, spans := recording()
	parent := domain.TraceParent(fmt.Sprintf("00-%s-%s-00", callersTrace, callersSpan))
	ctx, ended := tel.Begin(t.Context(), ports.Work{Sort: ports.WorkChunk, Kind: "edit", Parent: parent})
	ended(ports.WorkEnd{Result: ports.WorkDone})
	if got := tel.Trace(ctx); got.TraceID() != callersTrace || got[len(got)-2:] != "00" || len(spans.Ended()) != 0 {
		t.Errorf("Trace(unsampled) = %q, with %d spans; want the caller's trace, unsampled, and no span", got, len(spans.Ended()))
	}
}
