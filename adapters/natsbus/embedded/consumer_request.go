package embedded

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/domain"
)

// maxRequestBytes bounds a request to make a consumer, which the server keeps.
const maxRequestBytes = 16 << 10

// consumerRequest is the body of JetStream's request to make a consumer.
type consumerRequest struct {
	Stream   string                   `json:"stream_name"`
	Config   jetstream.ConsumerConfig `json:"config"`
	Action   string                   `json:"action"`
	Pedantic bool                     `json:"pedantic,omitempty"`
}

var consumerForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,192}$`)

// checkRequest returns the request as it may be passed on: what was read, not
// what was sent, so that nothing passes which was not looked at.
func checkRequest(names natsbus.Names, tenant domain.TenantID, name, filter string, body []byte) ([]byte, error) {
	if len(body) > maxRequestBytes {
		return nil, refuse("the request is too large")
	}
	var request consumerRequest
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return nil, refuse("the request cannot be read, or has a setting that subscribers may not use")
	}
	c := request.Config
	owner, ok := tenantOf(name)
	switch {
	case !ok || owner != tenant || !consumerForm.MatchString(name):
		return nil, refuse("a consumer's name must begin with " + string(tenant) + "_")
	case c.Name != "" && c.Name != name, c.Durable != "" && c.Durable != name:
		return nil, refuse("the consumer's names differ")
	case request.Stream != names.EventStream():
		return nil, refuse("the streams' names differ")
	case c.FilterSubject != filter || len(c.FilterSubjects) > 0:
		return nil, refuse("a consumer must have exactly one filter")
	case !strings.HasPrefix(filter, strings.TrimSuffix(names.EventSubjects(tenant), ">")):
		return nil, refuse("the filter must lie within " + names.EventSubjects(tenant))
	case c.DeliverSubject != "" || c.DeliverGroup != "" || c.FlowControl || c.IdleHeartbeat != 0 || c.RateLimit != 0:
		return nil, refuse("subscribers may only have pull consumers")
	}
	return json.Marshal(request)
}

// refusedError is a refusal whose text the tenant may read.
type refusedError string

func (e refusedError) Error() string { return string(e) }

func refuse(why string) error { return refusedError(why) }

// refusal is the answer in JetStream's form to a request that failed.
func refusal(err error) []byte {
	status, why := 503, "the server does not answer"
	var refused refusedError
	if errors.As(err, &refused) {
		status, why = 403, refused.Error()
	}
	// A struct of numbers and text cannot fail to marshal.
	answer, _ := json.Marshal(map[string]any{
		"type":  "io.nats.jetstream.api.v1.consumer_create_response",
		"error": map[string]any{"code": status, "description": why},
	})
	return answer
}

// notFound is JetStream's answer to a question about a consumer that is not
// there.
var notFound = []byte(`{"type":"io.nats.jetstream.api.v1.consumer_info_response","error":{"code":404,"err_code":10014,"description":"consumer not found"}}`)

// made reports whether JetStream's answer says that the consumer is there.
func made(answer []byte) bool {
	var response struct {
		Error *json.RawMessage `json:"error"`
	}
	return json.Unmarshal(answer, &response) == nil && response.Error == nil
}
