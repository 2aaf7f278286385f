package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// demoClient calls the HTTP API as any client would.
type demoClient struct{ url, key, locale string }

// demoStatus is what getBatchStatus answers.
type demoStatus struct {
	Process int  `json:"process"`
	Success bool `json:"success"`
	Data    struct {
		URL      string `json:"url"`
		FileName string `json:"file_name"`
		Message  string `json:"message"`
	} `json:"data"`
}

// submit sends a job and returns its batch code.
func (c *demoClient) submit(ctx context.Context, request map[string]any) (string, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return "", err
	}
	var answer struct {
		Success bool   `json:"success"`
		Message string `json:"message"`
		Data    struct {
			BatchCode string `json:"batch_code"`
		} `json:"data"`
	}
	err = c.call(ctx, http.MethodPost, "/api2/getBatchCode", bytes.NewReader(body), &answer)
	if err == nil && !answer.Success {
		err = errors.New(answer.Message)
	}
	return answer.Data.BatchCode, err
}

// follow polls the job's status until it has ended.
func (c *demoClient) follow(ctx context.Context, code string, progress func(percent int)) (status demoStatus, err error) {
	ticker := time.NewTicker(40 * time.Millisecond)
	defer ticker.Stop()
	for {
		if err := c.call(ctx, http.MethodGet, "/api2/getBatchStatus?batch_code="+url.QueryEscape(code), nil, &status); err != nil {
			return status, err
		}
		if status.Success {
			progress(100)
			return status, nil
		}
		progress(status.Process)
		select {
		case <-ctx.Done():
			return status, ctx.Err()
		case <-ticker.C:
		}
	}
}

func (c *demoClient) call(ctx context.Context, method, path string, body io.Reader, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	request.Header.Set("Locale", c.locale)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // only read from
	return json.NewDecoder(response.Body).Decode(answer)
}

// get fetches a link without credentials.
func (c *demoClient) get(ctx context.Context, link string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("%s: %s", link, response.Status), response.Body.Close())
	}
	return response.Body, nil
}

// demoEvents is a NATS subscriber of the demo tenant.
type demoEvents struct {
	conn     *nats.Conn
	consumer jetstream.Consumer
	ended    map[string]demoEvent // by batch code
}

// demoEvent is a CloudEvent that says that a job has ended.
type demoEvent struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Job  string `json:"subject"`
	Data struct {
		Report demoReport `json:"report"`
	} `json:"data"`
	subject string
}

// demoReport is the report that an event carries.
type demoReport struct {
	Total, Created, Updated, Unchanged, Deleted, Exported, Failed, Skipped, Cancelled int
}

func (r demoReport) String() string {
	parts := []string{thousands(r.Total) + " items"}
	for _, part := range []struct {
		n    int
		fate string
	}{
		{r.Created, "created"},
		{r.Updated, "updated"},
		{r.Unchanged, "unchanged"},
		{r.Deleted, "deleted"},
		{r.Exported, "exported"},
		{r.Failed, "failed"},
		{r.Skipped, "skipped"},
		{r.Cancelled, "cancelled"},
	} {
		if part.n > 0 {
			parts = append(parts, thousands(part.n)+" "+part.fate)
		}
	}
	return strings.Join(parts, ", ")
}

// subscribeToDemo connects with the key as password, as any subscriber does.
func subscribeToDemo(ctx context.Context, url, key string) (*demoEvents, error) {
	conn, err := nats.Connect(url, nats.UserInfo(string(demoTenant), key))
	if err != nil {
		return nil, fmt.Errorf("subscribe to the events: %w", err)
	}
	js, err := jetstream.New(conn)
	if err == nil {
		var consumer jetstream.Consumer
		consumer, err = js.CreateOrUpdateConsumer(ctx, "BATCHPORT_EVENTS", jetstream.ConsumerConfig{
			Durable:       string(demoTenant) + "_show",
			FilterSubject: "batchport.v1." + string(demoTenant) + ".job.>",
			AckPolicy:     jetstream.AckExplicitPolicy,
		})
		if err == nil {
			return &demoEvents{conn: conn, consumer: consumer, ended: map[string]demoEvent{}}, nil
		}
	}
	conn.Close()
	return nil, fmt.Errorf("subscribe to the events: %w", err)
}

// endOf waits for the event that says that the job has ended.
func (s *demoEvents) endOf(ctx context.Context, code string) (demoEvent, error) {
	for {
		if event, ended := s.ended[code]; ended {
			return event, nil
		}
		msg, err := s.consumer.Next(jetstream.FetchContext(ctx))
		if err != nil {
			return demoEvent{}, fmt.Errorf("wait for the event of job %s: %w", code, err)
		}
		var event demoEvent
		if err := json.Unmarshal(msg.Data(), &event); err != nil {
			return demoEvent{}, err
		}
		if err := msg.Ack(); err != nil {
			return demoEvent{}, err
		}
		event.subject = msg.Subject()
		if !strings.HasSuffix(event.Type, ".submitted") {
			s.ended[event.Job] = event
		}
	}
}

func (s *demoEvents) close() { s.conn.Close() }
