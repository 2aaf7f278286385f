package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/batchport/batchport/cmd/batchport/internal/client"
)

const (
	// plainStep is after how many percent a line says how far a job is where no
	// bar can grow, and plainPause after how long it does at the latest.
	plainStep  = 10
	plainPause = 30 * time.Second
)

// progress shows how far a job is: as a bar that grows on a terminal, and
// elsewhere as a few plain lines.
type progress struct {
	paper *paper
	said  client.Job // what the last line was about
	at    time.Time  // of that line
}

func newProgress(p *paper) *progress { return &progress{paper: p} }

func (p *progress) show(job *client.Job) {
	switch {
	case p.paper.terminal != nil && job.Ended():
		p.paper.clear()
	case p.paper.terminal != nil:
		p.paper.over(bar(job, p.paper.columns()))
	case job.Ended(), !p.worthALine(job):
	default:
		p.said, p.at = *job, time.Now()
		p.paper.line("%s", plain(job))
	}
}

func (p *progress) worthALine(job *client.Job) bool {
	return job.State != p.said.State || job.Process >= p.said.Process+plainStep ||
		job.Process > p.said.Process && time.Since(p.at) >= plainPause
}

func (p *progress) end() { p.paper.clear() }

// plain is one line about a job.
func plain(job *client.Job) string {
	return strings.Join(append([]string{fmt.Sprintf("%s, %d %%", job.State, job.Process)}, speed(job)...), ", ")
}

const (
	widestBar    = 40
	narrowestBar = 10
)

// bar is one line about a job, at most so many columns wide.
func bar(job *client.Job, columns int) string {
	said := append([]string{fmt.Sprintf("%3d %%", job.Process)}, speed(job)...)
	if job.State != "running" {
		said = append(said, job.State)
	}
	columns-- // a terminal may go to the next line when the last column is full
	var text string
	for n := len(said); n > 0; n-- {
		text = "  " + strings.Join(said[:n], "  ")
		if len(text)+narrowestBar <= columns {
			break
		}
	}
	width := min(widestBar, columns-len(text))
	if width < narrowestBar {
		return strings.TrimSpace(said[0])
	}
	done := job.Process * width / 100
	return strings.Repeat("█", done) + strings.Repeat("░", width-done) + text
}

// speed says how many items are done, how fast, and for how long it will go on,
// as far as that is known.
func speed(job *client.Job) (said []string) {
	if job.Total > 0 {
		said = append(said, thousands(job.Outcomes.Done())+"/"+thousands(job.Total))
	}
	if job.Rate > 0 {
		said = append(said, thousands(int(job.Rate+0.5))+"/s")
	}
	if job.ETASeconds != nil {
		said = append(said, "ETA "+clock(time.Duration(*job.ETASeconds*float64(time.Second))))
	}
	if job.Outcomes.Failed > 0 {
		said = append(said, thousands(job.Outcomes.Failed)+" failed")
	}
	return said
}

// clock writes a duration as a clock shows it.
func clock(d time.Duration) string {
	seconds := int(d.Round(time.Second) / time.Second)
	if seconds < 3600 {
		return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}
