// Command go is a client of batchport in Go: it submits a job, watches it,
// lists which items failed and why, tries those again, and fetches a file.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/batchport/batchport/docs/clients/go/batchport"
)

func main() {
	if err := run(context.Background(), cmp.Or(os.Getenv("BATCHPORT_SERVER"), "http://127.0.0.1:8080"), os.Getenv("BATCHPORT_KEY")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, key string) error {
	client, err := batchport.NewClientWithResponses(url, batchport.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("locale", string(batchport.LocaleEnUS))
		return nil
	}))
	if err != nil {
		return err
	}

	// Submit. Sent again with the same idempotency key, as after an answer that
	// was lost, it is the same job.
	submitted, err := client.SubmitEstateBatchOpenRentWithResponse(ctx,
		&batchport.SubmitEstateBatchOpenRentParams{IdempotencyKey: new("go-example-1")},
		batchport.OpenRentRequest{Ids: &[]int64{100001, 100002, 7}})
	if err != nil {
		return err
	}
	if submitted.JSON202 == nil {
		return refused(submitted.HTTPResponse, submitted.Body)
	}
	job, err := watch(ctx, client, submitted.JSON202.Code)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d of %d items failed\n", *job.Result, job.Outcomes.Failed, job.Total)

	// Why.
	failures, err := failuresOf(ctx, client, job.Code)
	if err != nil {
		return err
	}
	for _, f := range failures {
		fmt.Printf("item %d, estate %s: %s: %s\n", f.Index, f.Key, f.Code, f.Message)
	}

	// Try those again, once what was wrong is mended.
	retried, err := client.RetryJobWithResponse(ctx, job.Code, nil, batchport.RetryJobRequest{})
	if err != nil {
		return err
	}
	if retried.JSON202 == nil {
		return refused(retried.HTTPResponse, retried.Body)
	}
	again, err := watch(ctx, client, retried.JSON202.Code)
	if err != nil {
		return err
	}
	fmt.Printf("again, %s: %d of %d items failed\n", *again.Result, again.Outcomes.Failed, again.Total)

	// Which jobs there are.
	listed, err := client.ListJobsWithResponse(ctx, &batchport.ListJobsParams{Result: &[]batchport.JobResult{batchport.JobResultPartiallyFailed, batchport.JobResultFailed}})
	if err != nil {
		return err
	}
	if listed.JSON200 == nil {
		return refused(listed.HTTPResponse, listed.Body)
	}
	for _, j := range listed.JSON200.Jobs {
		fmt.Printf("listed: %s, %s\n", j.Kind, *j.Result)
	}

	// Export, and fetch the file.
	export, err := client.SubmitEstateExportWithResponse(ctx, nil, batchport.EstateExportRequest{Ids: &[]int64{100001, 100002}})
	if err != nil {
		return err
	}
	if export.JSON202 == nil {
		return refused(export.HTTPResponse, export.Body)
	}
	exported, err := watch(ctx, client, export.JSON202.Code)
	if err != nil {
		return err
	}
	if err := fetch(ctx, exported.File, "estates.xlsx"); err != nil {
		return err
	}
	fmt.Printf("exported: %d estates\n", exported.Outcomes.Exported)

	if _, err = watch(ctx, client, "0"); err == nil {
		return errors.New("a job that never was is there")
	}
	fmt.Println("refused:", err)
	return nil
}

// watch asks how far a job is until it has ended.
func watch(ctx context.Context, client *batchport.ClientWithResponses, code string) (*batchport.Job, error) {
	for {
		answer, err := client.GetJobWithResponse(ctx, code, nil)
		if err != nil {
			return nil, err
		}
		job := answer.JSON200
		if job == nil {
			return nil, refused(answer.HTTPResponse, answer.Body)
		}
		if job.Result != nil {
			return job, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// failuresOf returns why items failed, page by page.
func failuresOf(ctx context.Context, client *batchport.ClientWithResponses, code string) ([]batchport.ItemFailure, error) {
	var all []batchport.ItemFailure
	for after := int64(-1); ; {
		page, err := client.ListJobFailuresWithResponse(ctx, code, &batchport.ListJobFailuresParams{After: &after})
		if err != nil {
			return nil, err
		}
		if page.JSON200 == nil {
			return nil, refused(page.HTTPResponse, page.Body)
		}
		all = append(all, page.JSON200.Failures...)
		if page.JSON200.Next == nil {
			return all, nil
		}
		after = *page.JSON200.Next
	}
}

// fetch stores the file of a job. Its link works without a key, for a day.
func fetch(ctx context.Context, file *batchport.JobFile, name string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, file.URL, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(name, content, 0o600)
}

// refused is why a request was not done: programs go by the code.
func refused(response *http.Response, body []byte) error {
	var problem batchport.Problem
	if err := json.Unmarshal(body, &problem); err != nil {
		return fmt.Errorf("%s: %w", response.Status, err)
	}
	return fmt.Errorf("%d %s: %s", problem.Status, problem.Code, problem.Detail)
}
