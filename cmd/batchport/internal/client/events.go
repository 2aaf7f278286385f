package client

import (
	"bufio"
	"errors"
	"io"
	"iter"
	"strings"
)

// longestEvent bounds what is kept of a stream.
const longestEvent = 1 << 20

// event is one of a stream, as the HTML standard has them:
// https://html.spec.whatwg.org/multipage/server-sent-events.html
type event struct{ id, name, data string }

// events reads a stream to its end. A comment, which says that the server is
// still there, comes as an event of nothing.
func events(stream io.Reader) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		lines := bufio.NewScanner(stream)
		lines.Buffer(nil, longestEvent)
		var e event
		var data []string
		size := 0
		for lines.Scan() {
			line := lines.Text()
			if strings.HasPrefix(line, ":") {
				if !yield(event{}, nil) {
					return
				}
				continue
			}
			if line == "" {
				e.data = strings.Join(data, "\n")
				if len(data) > 0 && !yield(e, nil) {
					return
				}
				e, data, size = event{}, nil, 0
				continue
			}
			field, value, _ := strings.Cut(line, ":")
			value = strings.TrimPrefix(value, " ")
			if size += len(value); size > longestEvent {
				yield(event{}, errors.New("an event is too long"))
				return
			}
			switch field {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				data = append(data, value)
			}
		}
		if err := lines.Err(); err != nil {
			yield(event{}, err)
		}
	}
}
