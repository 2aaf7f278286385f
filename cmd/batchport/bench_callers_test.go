package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// callers ask another process for the same over and over, on connections that
// stay open.
type callers struct {
	Address string
	Request string // as it is sent, whole
	Conns   int
	For     time.Duration
}

// callersVariable tells a process of this test program to put a load on another
// one, and nothing else.
const callersVariable = "BATCHPORT_TEST_CALLERS"

// rate has another process put the load, and returns how many answers came in a
// second.
func (c callers) rate(b *testing.B) float64 {
	b.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		b.Fatal(err)
	}
	path, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), path)
	cmd.Env = append(os.Environ(), callersVariable+"="+string(text))
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("callers of %.60q: %v\n%s", c.Request, err, out)
	}
	rate, err := strconv.ParseFloat(string(out), 64)
	if err != nil {
		b.Fatal(err)
	}
	return rate
}

// runCallers puts a load and prints the rate. It costs as little as it can, since
// the cores are those of the server too.
func runCallers(text string) int {
	var c callers
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		fmt.Println(err)
		return 1
	}
	var group sync.WaitGroup
	counts, errs := make([]int, c.Conns), make([]error, c.Conns)
	began := time.Now()
	for i := range c.Conns {
		group.Go(func() { counts[i], errs[i] = c.ask(began.Add(c.For)) })
	}
	group.Wait()
	took := time.Since(began).Seconds()
	if err := errors.Join(errs...); err != nil {
		fmt.Println(err)
		return 1
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	fmt.Print(float64(total) / took)
	return 0
}

// ask sends the request, and again after each answer, until the time has come.
func (c callers) ask(until time.Time) (answers int, err error) {
	conn, err := net.Dial("tcp", c.Address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	request, reader := []byte(c.Request), bufio.NewReader(conn)
	for ; time.Now().Before(until); answers++ {
		if _, err := conn.Write(request); err != nil {
			return 0, err
		}
		if err := readAnswer(reader); err != nil {
			return 0, err
		}
	}
	return answers, nil
}

// readAnswer reads an answer, which must be 200 and say how long it is.
func readAnswer(r *bufio.Reader) error {
	length, first := 0, true
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !strings.HasPrefix(string(line), "HTTP/1.1 200 ") {
			return fmt.Errorf("answered %q", line)
		}
		first = false
		if len(line) <= 2 {
			break
		}
		if value, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return err
			}
		}
	}
	if length == 0 {
		return errors.New("an answer does not say how long it is")
	}
	_, err := io.CopyN(io.Discard, r, int64(length))
	return err
}
