package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/cmd/batchport/internal/client"
)

func newJobsDownload(r *remote) *cobra.Command {
	output := ""
	cmd := r.command("download CODE", "Save the file that a job made",
		`Save the file that a job made, under its own name in this folder if --output says
nothing else; "-" is standard output. It has its name once it is whole. A download
that broke off goes on where it was when it is called again.`,
		"  batchport jobs download 6b039604552468.82648411 --output estates.xlsx", exactly("CODE"),
		func(ctx context.Context, s *session, args []string) error { return s.download(ctx, args[0], output) })
	cmd.Flags().StringVarP(&output, "output", "o", "", "file or folder to save it as, or in (default: its own name, if there is no such file)")
	return cmd
}

func (s *session) download(ctx context.Context, code, output string) error {
	job, err := s.Job(ctx, code)
	if err != nil {
		return err
	}
	switch {
	case job.File == nil && !job.Ended():
		return &advice{&commandError{exitConflict, errors.New("the job has not ended yet")}, s.invocation("jobs watch %s", code)}
	case job.File == nil:
		return &commandError{exitNotFound, errors.New("the job made no file, or it is not kept any more")}
	}
	if output == "-" {
		return s.pour(ctx, job)
	}
	target, err := placeFor(job.File.Name, output)
	if err != nil {
		return err
	}
	return s.save(ctx, client.Download{
		URL: job.File.URL, Target: target, Size: job.File.Size,
		// Of that job alone, whose file never changes.
		Part: filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+"."+path.Base(job.Code)+".part"),
	})
}

// placeFor returns where a file is to be saved. Its name comes from outside: it
// leads to no other folder, and replaces nothing that nobody named.
func placeFor(name, output string) (string, error) {
	base := filepath.Base(path.Clean("/" + strings.ReplaceAll(name, `\`, "/")))
	if info, err := os.Stat(output); output != "" && err == nil && info.IsDir() {
		output = filepath.Join(output, base)
	} else if output != "" {
		return output, nil
	} else {
		output = base
	}
	if _, err := os.Lstat(output); err == nil {
		return "", fmt.Errorf("%s is there already; name a file with --output", output)
	}
	return output, nil
}

// save saves a file and tells where it is.
func (s *session) save(ctx context.Context, d client.Download) error {
	if d.Part == "" {
		d.Part = filepath.Join(filepath.Dir(d.Target), "."+filepath.Base(d.Target)+"."+rand.Text()+".part")
	}
	if s.progress.terminal != nil && !s.remote.quiet {
		d.Progress = func(n int64) { s.progress.over(downloaded(n, d.Size)) }
	}
	err := s.Save(ctx, d)
	s.progress.clear()
	switch {
	case ctx.Err() != nil && d.Size > 0:
		return errors.New("interrupted; the same command goes on where it was")
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case err != nil:
		return err
	case s.remote.json:
		return writeLine(s.out.w, map[string]string{"file": d.Target})
	}
	_, err = fmt.Fprintln(s.out.w, d.Target)
	return err
}

func downloaded(n, size int64) string {
	if size == 0 {
		return bytesOf(n)
	}
	return fmt.Sprintf("%3d %%  %s of %s", n*100/size, bytesOf(n), bytesOf(size))
}

// pour writes a job's file to standard output, once it is whole.
func (s *session) pour(ctx context.Context, job *client.Job) (err error) {
	folder, err := os.MkdirTemp("", "batchport-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	whole := filepath.Join(folder, "file")
	if err := s.Save(ctx, client.Download{URL: job.File.URL, Target: whole, Part: whole + ".part", Size: job.File.Size}); err != nil {
		return err
	}
	file, err := os.Open(whole)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read from
	_, err = io.Copy(s.out.w, file)
	return err
}
