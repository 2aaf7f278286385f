package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"regexp"
	"strings"

	"github.com/batchport/batchport/domain"
)

// Kind is a kind of job that does something to each of its items, a chunk at
// a time. P is the payload, what the job is told once; I is an item. Both are
// kept as JSON.
type Kind[P, I any] struct {
	Name       domain.Kind       // letters, digits, '_' and '-', beginning with a letter, at most 64
	Permission domain.Permission // what a submitter must hold. Zero means the name.
	Resource   string            // what Apply writes: jobs of one tenant on one resource run in turn. Zero means nothing is written.

	// Check says what is wrong with a payload, before a job is made. Nil
	// means nothing can be.
	Check func(payload P) error

	// Key names an item to people: an id, a row number. Nil means
	// fmt.Sprint.
	Key func(item I) string

	// Prepare gets what Select needs from outside of the store, such as a
	// document from elsewhere. It is called before Select, without a snapshot
	// or a transaction, and returns the payload that the job has from then on.
	// A worker that is lost is replaced by one that calls it again, perhaps with
	// a payload that it returned before. An error that says that the data is
	// at fault fails the job with it. Nil means that there is nothing to get.
	Prepare func(ctx context.Context, job *domain.BatchJob, payload P) (P, error)

	// Select yields the items that the payload's filter matches, in an order
	// that does not change, from the snapshot in ctx. It is called when the job is
	// planned, perhaps more than once. An error that says that the data is at fault
	// ([domain.DataFault]) fails the job with it. Nil means that items can only
	// be named one by one.
	Select func(ctx context.Context, job *domain.BatchJob, payload P) iter.Seq2[I, error]

	// Apply does the work for some consecutive items and returns one outcome
	// each, in order. What it writes with the transaction in ctx is committed
	// together with the outcomes, or not at all. When the store refuses a
	// statement, or Apply returns an error that says that the data is at fault,
	// Apply is called again with fewer items until the bad ones stand alone
	// and are failed with the error; so it must do nothing outside of the
	// transaction that cannot be repeated. A fault of the store makes the chunk
	// run again later. Any other error, and a panic, are held against the
	// items: each is tried alone, and one that does so twice alone is failed.
	// Apply must heed ctx, which ends before the worker's lease does.
	Apply func(ctx context.Context, job *domain.BatchJob, payload P, items []I) ([]domain.Outcome, error)

	// ApplySize is how many items Apply is given at once at most. Where the
	// store refuses many items, smaller parts save most of what would be done in
	// vain ([Isolate]). Zero means a whole chunk.
	ApplySize int

	// TriedTogether is how many items of a job that only validates are tried in
	// one transaction at least, so that they see what those before them did. Zero
	// means a chunk.
	TriedTogether int

	// Foresee corrects the outcomes of a chunk of a job that only validates, where
	// they rest on what chunks before it would have done: of those nothing is there.
	// Nil means that no item rests on another one.
	Foresee func(items []I, outcomes []domain.Outcome)

	// Admit is asked inside the transaction that stores a new job, and refuses
	// it with an error, which [Jobs.Submit] returns: what it writes with ctx is
	// committed together with the job, or not at all. It is not asked when an
	// idempotency key gives a job that is there. [domain.CodeConflict] is for the
	// engine, and has it asked again. Nil admits all.
	Admit func(ctx context.Context, who domain.Principal) error

	// Announce returns further events that tell of the end of a job, besides its
	// own: they are stored in the transaction that ends it. The identifier of each
	// is one that no other event has. An error keeps the job from ending, and it is
	// tried again, so Announce must not fail for good. When a process that does not
	// know the kind ends the job, as it may when somebody has stopped it, there are
	// none. Nil means none.
	Announce func(job *domain.BatchJob) ([]domain.Event, error)
}

// Export is a kind of job that writes its items into one file. It only reads.
type Export[P, I any] struct {
	Name       domain.Kind       // as in Kind
	Permission domain.Permission // as in Kind
	Check      func(payload P) error
	Key        func(item I) string

	// FileName is what a reader will call the file.
	FileName func(job *domain.BatchJob, payload P) string

	// Write writes the file to w, in full, from the snapshot in ctx, and calls
	// record once for each item: with its position among items when they were
	// named one by one, else with how many came before it. The outcome is
	// [domain.Exported] or a failure. A worker that is lost is replaced by one
	// that calls Write from the start, with another w.
	Write func(ctx context.Context, job *domain.BatchJob, payload P, items []I, w io.Writer, record Recorder[I]) error
}

// Recorder notes what became of an item of an [Export]. An error must be
// returned from Write as it is.
type Recorder[I any] func(index int, item I, outcome domain.Outcome) error

// Jobs submits jobs of one kind.
type Jobs[P, I any] struct {
	engine *Engine
	kind   *kind
	check  func(P) error
}

// Register adds a kind to an engine that does not run yet, and returns what
// submits its jobs. A name that is taken or malformed, a kind without Apply, and
// a negative ApplySize or TriedTogether are refused.
func Register[P, I any](e *Engine, k Kind[P, I]) (*Jobs[P, I], error) {
	switch {
	case k.Apply == nil:
		return nil, fmt.Errorf("engine: kind %q has no Apply", k.Name)
	case k.ApplySize < 0 || k.TriedTogether < 0:
		return nil, fmt.Errorf("engine: kind %q has a negative ApplySize or TriedTogether", k.Name)
	}
	reg := &kind{
		name: k.Name, permission: k.Permission, resource: k.Resource,
		applySize: k.ApplySize, triedTogether: k.TriedTogether, admit: k.Admit, announce: k.Announce,
	}
	if k.Select != nil {
		reg.selectChunks = func(ctx context.Context, job *domain.BatchJob, size int) iter.Seq2[domain.Chunk, error] {
			payload, err := decodePayload[P](job)
			if err != nil {
				return func(yield func(domain.Chunk, error) bool) { yield(domain.Chunk{}, err) }
			}
			return chunksOf(k.Select(ctx, job, payload), reg.limits(job.Options(), size, expected(job)))
		}
	}
	if k.Prepare != nil {
		reg.prepare = func(ctx context.Context, job *domain.BatchJob) ([]byte, error) {
			payload, err := decodePayload[P](job)
			if err != nil {
				return nil, err
			}
			if payload, err = k.Prepare(ctx, job, payload); err != nil {
				return nil, err
			}
			return encodePayload(payload)
		}
	}
	reg.open = func(job *domain.BatchJob, chunk domain.Chunk) (piece, error) {
		payload, err := decodePayload[P](job)
		if err != nil {
			return piece{}, err
		}
		items, err := decodeItems[I](chunk)
		if err != nil {
			return piece{}, err
		}
		return piece{
			first: chunk.First,
			len:   len(items),
			key:   func(i int) string { return keyOf(k.Key, items[i]) },
			apply: func(ctx context.Context, lo, hi int) ([]domain.Outcome, error) {
				return k.Apply(ctx, job, payload, items[lo:hi:hi])
			},
			foresee: func(outcomes []domain.Outcome) {
				if k.Foresee != nil {
					k.Foresee(items, outcomes)
				}
			},
		}, nil
	}
	return register[P, I](e, reg, k.Check)
}

// RegisterExport adds a kind that writes a file, like [Register].
func RegisterExport[P, I any](e *Engine, x Export[P, I]) (*Jobs[P, I], error) {
	switch {
	case x.Write == nil || x.FileName == nil:
		return nil, fmt.Errorf("engine: export %q lacks Write or FileName", x.Name)
	case e.files == nil:
		return nil, fmt.Errorf("engine: export %q needs Deps.Files", x.Name)
	}
	reg := &kind{name: x.Name, permission: x.Permission}
	reg.export = func(ctx context.Context, job *domain.BatchJob, chunks []domain.Chunk, w io.Writer, tally *tally) error {
		payload, err := decodePayload[P](job)
		if err != nil {
			return err
		}
		var items []I
		for _, c := range chunks {
			more, err := decodeItems[I](c)
			if err != nil {
				return err
			}
			items = append(items, more...)
		}
		return x.Write(ctx, job, payload, items, w, func(index int, item I, o domain.Outcome) error {
			return tally.add(index, func() string { return keyOf(x.Key, item) }, o)
		})
	}
	reg.fileName = func(job *domain.BatchJob) (string, error) {
		payload, err := decodePayload[P](job)
		if err != nil {
			return "", err
		}
		return x.FileName(job, payload), nil
	}
	return register[P, I](e, reg, x.Check)
}

// kind is a registered kind without its types. Of selectChunks, open and
// export, an export has the last alone. prepare, admit and announce may be nil.
type kind struct {
	name          domain.Kind
	permission    domain.Permission
	resource      string
	applySize     int
	triedTogether int
	admit         func(ctx context.Context, who domain.Principal) error
	announce      func(job *domain.BatchJob) ([]domain.Event, error)
	prepare       func(ctx context.Context, job *domain.BatchJob) (payload []byte, err error)
	selectChunks  func(ctx context.Context, job *domain.BatchJob, size int) iter.Seq2[domain.Chunk, error]
	open          func(job *domain.BatchJob, chunk domain.Chunk) (piece, error)
	export        func(ctx context.Context, job *domain.BatchJob, named []domain.Chunk, w io.Writer, tally *tally) error
	fileName      func(job *domain.BatchJob) (string, error)
}

// piece is an opened chunk: its items, ready to be applied.
type piece struct {
	first, len int
	key        func(i int) string
	apply      func(ctx context.Context, lo, hi int) ([]domain.Outcome, error)
	foresee    func(outcomes []domain.Outcome)
}

func (k *kind) whole() bool { return k.export != nil }

// selects reports whether the kind can find its items by itself.
func (k *kind) selects() bool { return k.selectChunks != nil || k.export != nil }

var kindForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)

func register[P, I any](e *Engine, k *kind, check func(P) error) (*Jobs[P, I], error) {
	if !kindForm.MatchString(string(k.name)) {
		return nil, fmt.Errorf("engine: %q is no name for a kind", k.name)
	}
	if k.permission == "" {
		k.permission = domain.Permission(k.name)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.running:
		return nil, errors.New("engine: kinds are registered before Run")
	case e.kinds[k.name] != nil:
		return nil, fmt.Errorf("engine: kind %q is registered already", k.name)
	}
	e.kinds[k.name] = k
	return &Jobs[P, I]{engine: e, kind: k, check: check}, nil
}

func decodePayload[P any](job *domain.BatchJob) (payload P, err error) {
	if err := json.Unmarshal(job.Payload(), &payload); err != nil {
		return payload, fmt.Errorf("decode the payload of job %s: %w", job.ID(), withoutValue(err))
	}
	return payload, nil
}

func encodePayload[P any](payload P) ([]byte, error) {
	encoded, err := json.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("encode the payload: %w", err)
	}
	return encoded, nil
}

func decodeItems[I any](chunk domain.Chunk) (items []I, err error) {
	items = make([]I, 0, chunk.Len)
	if err := json.Unmarshal(chunk.Items, &items); err != nil {
		return nil, fmt.Errorf("decode the items of chunk %d: %w", chunk.First, withoutValue(err))
	}
	if len(items) != chunk.Len {
		return nil, fmt.Errorf("chunk %d has %d items instead of %d", chunk.First, len(items), chunk.Len)
	}
	return items, nil
}

// withoutValue is an error of decoding JSON as a log may hold it: where a number
// does not fit, the error would repeat it.
func withoutValue(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	shown := *wrong
	shown.Value, _, _ = strings.Cut(wrong.Value, " ")
	return &shown
}

func keyOf[I any](key func(I) string, item I) string {
	if key != nil {
		return key(item)
	}
	return fmt.Sprint(item)
}

// chunkBytes is how many bytes of items fill a chunk before their number does:
// a chunk is held in memory, and written in one statement.
const chunkBytes = 1 << 20

// limits are how large a chunk gets.
type limits struct{ items, bytes int }

// leastLimited is how many items the chunks of a job with a limit of failures
// have at least, if they are not smaller anyhow: below, what they cost beside
// their items is most of it.
const leastLimited = 100

// expected returns how many items a job that is being planned will have, as far
// as it is known: 0 when it is not.
func expected(job *domain.BatchJob) int {
	if n := job.Selection().Expected; n != nil {
		return *n
	}
	return 0
}

// limits returns how large the chunks of a job with the options get, which have
// size items otherwise; total is how many the job has, or 0. A job that does all
// or nothing has one. What is in work when a limit of failures is reached is
// finished, so the chunks of a job with one have no more items than reach it.
func (k *kind) limits(o domain.JobOptions, size, total int) limits {
	switch {
	case o.AllOrNothing:
		return limits{domain.MaxAllOrNothing + 1, math.MaxInt}
	case o.ValidateOnly && k.triedTogether > size:
		return limits{k.triedTogether, 16 * chunkBytes}
	case o.FailLimit != (domain.FailLimit{}):
		size = min(size, max(o.FailLimit.Of(total), leastLimited))
	}
	return limits{size, chunkBytes}
}

// chunksOf groups items into chunks, each of which is full or the last.
func chunksOf[I any](items iter.Seq2[I, error], full limits) iter.Seq2[domain.Chunk, error] {
	return func(yield func(domain.Chunk, error) bool) {
		var chunk domain.ChunkBuilder
		first := 0
		for item, err := range items {
			if err == nil {
				err = chunk.Add(item)
			}
			if err != nil {
				yield(domain.Chunk{}, err)
				return
			}
			if n := chunk.Len(); n == full.items || chunk.Size() >= full.bytes {
				if !yield(chunk.Chunk(first), nil) {
					return
				}
				first += n
			}
		}
		if chunk.Len() > 0 {
			yield(chunk.Chunk(first), nil)
		}
	}
}
