package natsbus

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/domain"
)

// cloudEventJSON is the media type of a CloudEvent in structured JSON:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
const cloudEventJSON = "application/cloudevents+json"

// cloudEvent is an event as it goes over the wire.
type cloudEvent struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            string          `json:"time"`
	DataContentType string          `json:"datacontenttype,omitempty"`
	Tenant          string          `json:"tenant"`
	Sequence        string          `json:"sequence"`
	TraceParent     string          `json:"traceparent,omitempty"` // https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/distributed-tracing.md
	Data            json.RawMessage `json:"data,omitempty"`
}

var topicForm = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// message renders the event. It fails with [domain.CodeInvalid] for an event
// that cannot be told: a name that would not stand in a subject, no id, or
// data that is not JSON.
func message(names Names, source string, event domain.Event) (*nats.Msg, error) {
	if _, err := domain.ParseTenant(string(event.Tenant)); err != nil {
		return nil, &domain.Error{Code: domain.CodeInvalid, Err: err}
	}
	switch {
	case event.ID == "" || strings.ContainsAny(event.ID, "\r\n"): // it goes into a header
		return nil, domain.Fail(domain.NewFailure(domain.CodeInvalid, "id", event.ID))
	case !topicForm.MatchString(event.Topic):
		return nil, domain.Fail(domain.NewFailure(domain.CodeInvalid, "topic", event.Topic, "form", topicForm.String()))
	case len(event.Data) > 0 && !json.Valid(event.Data):
		return nil, domain.Fail(domain.NewFailure(domain.CodeInvalid, "data", string(event.Data)))
	}
	wire := cloudEvent{
		SpecVersion: "1.0",
		ID:          event.ID,
		Source:      source,
		Type:        eventType(event.Topic),
		Subject:     event.Subject,
		Time:        event.Time.UTC().Format("2006-01-02T15:04:05.000000Z"),
		Tenant:      string(event.Tenant),
		Sequence:    fmt.Sprintf("%019d", event.Sequence),
		Data:        event.Data,
	}
	if event.Trace.WellFormed() {
		wire.TraceParent = string(event.Trace)
	}
	if len(event.Data) > 0 {
		wire.DataContentType = "application/json"
	}
	body, err := json.Marshal(wire)
	if err != nil {
		return nil, err
	}
	msg := nats.NewMsg(names.event(event))
	msg.Data = body
	msg.Header.Set("content-type", cloudEventJSON)
	msg.Header.Set(nats.MsgIdHdr, event.ID)
	return msg, nil
}

// eventType is the first and the last word of the topic.
func eventType(topic string) string {
	words := strings.Split(topic, ".")
	if len(words) == 1 {
		return "batchport." + topic
	}
	return "batchport." + words[0] + "." + words[len(words)-1]
}
