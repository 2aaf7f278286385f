package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// eventDocument is docs/events/asyncapi.yaml, and what of it was seen.
type eventDocument struct {
	root     map[string]any
	compiler *jsonschema.Compiler
	channels map[string]eventChannel // by name
	seen     map[string]bool         // members of schemas that events had, as "report.total"
}

// eventChannel is a channel of the document, with its one message.
type eventChannel struct {
	address          *regexp.Regexp
	locations        map[string]string // by parameter: where the event has it too, as a JSON pointer
	headers, payload *jsonschema.Schema
	message          map[string]any
}

// readEventDocument reads the document. Readers must bear members that it does
// not describe; here they are faults, so that what is added gets described.
func readEventDocument(t *testing.T) *eventDocument {
	t.Helper()
	text, err := os.ReadFile("../../docs/events/asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var read any
	if err := yaml.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	content, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	d := &eventDocument{root: parsed.(map[string]any), compiler: jsonschema.NewCompiler(), channels: map[string]eventChannel{}, seen: map[string]bool{}}
	for _, schema := range d.at("#/components/schemas") {
		closeObjects(schema)
	}
	d.compiler.DefaultDraft(jsonschema.Draft7) // which AsyncAPI's schemas are a superset of
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource("asyncapi.json", d.root); err != nil {
		t.Fatal(err)
	}
	for name := range d.at("#/channels") {
		d.channels[name] = d.channel(t, name)
	}
	return d
}

// closeObjects forbids members that an object does not name.
func closeObjects(schema any) {
	object, ok := schema.(map[string]any)
	if !ok {
		return
	}
	properties, ok := object["properties"].(map[string]any)
	if !ok {
		return
	}
	object["additionalProperties"] = false
	for _, property := range properties {
		closeObjects(property)
	}
}

func (d *eventDocument) channel(t *testing.T, name string) eventChannel {
	t.Helper()
	channel := d.at("#/channels/" + name)
	messages := channel["messages"].(map[string]any)
	if len(messages) != 1 {
		t.Fatalf("the channel %s has %d messages, want one", name, len(messages))
	}
	c := eventChannel{locations: map[string]string{}}
	for _, message := range messages {
		c.message = d.resolve(message)
	}
	address := regexp.QuoteMeta(channel["address"].(string))
	c.address = regexp.MustCompile("^" + regexp.MustCompile(`\\\{(\w+)\\\}`).ReplaceAllString(address, `(?P<$1>[^.]+)`) + "$")
	for parameter, described := range channel["parameters"].(map[string]any) {
		c.locations[parameter] = strings.TrimPrefix(d.resolve(described)["location"].(string), "$message.payload#")
	}
	c.payload = d.compile(t, c.message["payload"].(map[string]any)["$ref"].(string))
	c.headers = d.compile(t, c.message["traits"].([]any)[0].(map[string]any)["$ref"].(string)+"/headers")
	return c
}

func (d *eventDocument) compile(t *testing.T, ref string) *jsonschema.Schema {
	t.Helper()
	schema, err := d.compiler.Compile("asyncapi.json" + ref)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// at returns the object that a reference within the document is to.
func (d *eventDocument) at(ref string) map[string]any {
	value := any(d.root)
	for _, word := range strings.Split(ref, "/")[1:] {
		value = value.(map[string]any)[word]
	}
	return value.(map[string]any)
}

// resolve follows the reference of a value that is one.
func (d *eventDocument) resolve(value any) map[string]any {
	object := value.(map[string]any)
	if ref, ok := object["$ref"].(string); ok {
		return d.resolve(d.at(ref))
	}
	return object
}

// check compares a message with the channel that it went to. It returns the
// channel's name.
func (d *eventDocument) check(t *testing.T, msg jetstream.Msg) string {
	t.Helper()
	var names []string
	for name, channel := range d.channels {
		if channel.address.MatchString(msg.Subject()) {
			names = append(names, name)
		}
	}
	if len(names) != 1 {
		t.Errorf("an event on %s belongs to the channels %q, want one", msg.Subject(), names)
		return ""
	}
	channel := d.channels[names[0]]
	payload, err := jsonschema.UnmarshalJSON(bytes.NewReader(msg.Data()))
	if err != nil {
		t.Errorf("the event on %s: %v", msg.Subject(), err)
		return ""
	}
	headers := map[string]any{}
	for name, values := range msg.Headers() {
		if !strings.HasPrefix(name, "Nats-Expected-") { // of the publisher to the stream
			headers[name] = strings.Join(values, ",")
		}
	}
	if err := channel.headers.Validate(headers); err != nil {
		t.Errorf("the headers %v of an event on %s are described otherwise: %v", headers, msg.Subject(), err)
	}
	d.checkPayload(t, names[0], msg.Subject(), payload)
	if id := pointedAt(payload, "/id"); id != headers["Nats-Msg-Id"] {
		t.Errorf("the event %v has the Nats-Msg-Id %v", id, headers["Nats-Msg-Id"])
	}
	return names[0]
}

// checkPayload compares an event with its channel's schema and its subject with
// the event.
func (d *eventDocument) checkPayload(t *testing.T, name, subject string, payload any) {
	t.Helper()
	channel := d.channels[name]
	if err := channel.payload.Validate(payload); err != nil {
		t.Errorf("docs/events/asyncapi.yaml describes otherwise what was sent on %s:\n%v\n%v", subject, payload, err)
		return
	}
	if parts := channel.address.FindStringSubmatch(subject); parts != nil {
		for parameter, location := range channel.locations {
			if got := pointedAt(payload, location); got != parts[channel.address.SubexpIndex(parameter)] {
				t.Errorf("the event on %s has %v at %s, want the subject's %s", subject, got, location, parameter)
			}
		}
	}
	d.see(channel.message["payload"], "", payload)
}

// see notes which members of which schemas the value has.
func (d *eventDocument) see(schema any, name string, value any) {
	if ref, ok := schema.(map[string]any)["$ref"].(string); ok {
		name = ref[strings.LastIndex(ref, "/")+1:]
	}
	object, _ := value.(map[string]any)
	properties, _ := d.resolve(schema)["properties"].(map[string]any)
	for member, property := range properties {
		if content, ok := object[member]; ok {
			d.seen[name+"."+member] = true
			d.see(property, name+"."+member, content)
		}
	}
}

// unseen are the members that are described and that no event had.
func (d *eventDocument) unseen() (all []string) {
	for name, schema := range d.at("#/components/schemas") {
		properties, _ := schema.(map[string]any)["properties"].(map[string]any)
		for member := range properties {
			if !d.seen[name+"."+member] {
				all = append(all, name+"."+member)
			}
		}
	}
	slices.Sort(all)
	return all
}

// pointedAt is what a JSON pointer without escapes leads to, or nil.
func pointedAt(value any, pointer string) any {
	for _, word := range strings.Split(pointer, "/")[1:] {
		object, _ := value.(map[string]any)
		value = object[word]
	}
	return value
}

// What the document and the page show is as the document describes it.
func TestShownEventsFitTheirSchemas(t *testing.T) {
	t.Parallel()
	d := readEventDocument(t)
	for _, name := range slices.Sorted(maps.Keys(d.channels)) {
		examples, _ := d.channels[name].message["examples"].([]any)
		if len(examples) == 0 {
			t.Errorf("the message of %s has no example", name)
		}
		for _, example := range examples {
			payload := example.(map[string]any)["payload"]
			d.checkPayload(t, name, fmt.Sprint(pointedAt(payload, "/type")), payload)
			if headers := example.(map[string]any)["headers"]; pointedAt(headers, "/Nats-Msg-Id") != pointedAt(payload, "/id") {
				t.Errorf("the example of %s has the headers %v, want its id", name, headers)
			}
		}
	}
	page, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) == 0 {
		t.Fatal("the page shows no event")
	}
	for _, block := range blocks {
		payload, err := jsonschema.UnmarshalJSON(strings.NewReader(block[1]))
		if err != nil {
			t.Fatal(err)
		}
		d.checkPayload(t, "jobCompleted", "docs/events.md", payload)
	}
}
