package peers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// childVariable is the variable of the environment that tells a process that it
// is one that works, and what it is to do.
const childVariable = "BATCHPORT_PEERS_CHILD"

// childTime bounds the life of a process that works.
const childTime = 10 * time.Minute

// errand is what a process that works is to do.
type errand struct {
	Contender int    `json:"contender"`
	URL       string `json:"url"`
	Resume    bool   `json:"resume"` // go on with what was asked for before
	Items     int    `json:"items"`
	Small     bool   `json:"small"` // ask for one account at a time
}

// smallSubmitters ask for one account at a time, all at once.
const smallSubmitters = 8

// runChild does what the environment says, if it says anything, and reports
// whether it did.
func runChild(in io.Reader, out io.Writer) (bool, error) {
	text := os.Getenv(childVariable)
	if text == "" {
		return false, nil
	}
	var e errand
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return true, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), childTime)
	defer cancel()
	w, err := contenders[e.Contender].open(ctx, e.URL)
	if err != nil {
		return true, err
	}
	return true, errors.Join(e.do(ctx, w, in, out), w.close())
}

// do asks for the accounts, unless that was done before, and works until all
// are closed.
func (e errand) do(ctx context.Context, w worker, in io.Reader, out io.Writer) error {
	if !e.Resume {
		// So that what follows is timed without the start of the process.
		_, _ = fmt.Fprintln(out, "ready")
		if _, err := bufio.NewReader(in).ReadString('\n'); err != nil {
			return err
		}
		if err := e.submit(ctx, w); err != nil {
			return fmt.Errorf("ask for the accounts: %w", err)
		}
	}
	if err := w.work(ctx); err != nil {
		return fmt.Errorf("work: %w", err)
	}
	_, err := fmt.Fprintln(out, "done")
	return err
}

func (e errand) submit(ctx context.Context, w worker) error {
	if !e.Small {
		return w.submitAll(ctx, e.Items)
	}
	failed := make(chan error, smallSubmitters)
	for s := range smallSubmitters {
		go func() {
			var err error
			for id := s + 1; id <= e.Items && err == nil; id += smallSubmitters {
				err = w.submitOne(ctx, int64(id))
			}
			failed <- err
		}()
	}
	var err error
	for range smallSubmitters {
		err = errors.Join(err, <-failed)
	}
	return err
}

// child is a process that works, as the one that measures sees it.
type child struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	said *bufio.Scanner
}

// startChild starts a process of this program.
func startChild(ctx context.Context, e errand) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(ctx, program)}
	c.cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.said = bufio.NewScanner(out)
	return c, c.cmd.Start()
}

// await waits until the process says the word.
func (c *child) await(word string) error {
	for c.said.Scan() {
		if c.said.Text() == word {
			return nil
		}
	}
	return fmt.Errorf("the process ended before it was %s: %w", word, errors.Join(c.said.Err(), c.cmd.Wait()))
}

// begin lets it work.
func (c *child) begin() error {
	_, err := fmt.Fprintln(c.in, "begin")
	return err
}
