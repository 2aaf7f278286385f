package natsbus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/domain"
)

const (
	// pullWait is how long one request for a ring stands.
	pullWait = 30 * time.Second

	// pullBeat is how often the server shows that it still has the request;
	// two beats missed, and the request counts as lost.
	pullBeat = 2 * time.Second

	// lookPause is how long a listener that cannot hear waits between looking
	// for work by itself: as long as the sweeper waits between rings.
	lookPause = 2 * time.Second

	// minRetry and maxRetry bound the pause between attempts to mend.
	minRetry = 50 * time.Millisecond
	maxRetry = 5 * time.Second
)

// listener is one call of [Bell.Listen]. Each kind has a goroutine that asks
// for one ring at a time, and only while a worker is free: a ring that waited in
// this process for a worker would be kept from other processes. While it
// cannot hear, it looks for work without being rung for.
type listener struct {
	bell  *Bell
	work  func(ctx context.Context) error
	free  chan struct{} // holds a token for each free worker
	calls sync.WaitGroup
	deaf  atomic.Int64 // kinds that cannot be heard just now

	mu   sync.Mutex
	link context.Context // ends when the connection was made anew, and with it what the server knew of this client
	lost context.CancelFunc
}

func newListener(bell *Bell, workers int, work func(ctx context.Context) error) *listener {
	l := &listener{bell: bell, work: work, free: make(chan struct{}, workers)}
	for range workers {
		l.free <- struct{}{}
	}
	return l
}

// listen hears all kinds until ctx ends or the connection is closed for good.
func (l *listener) listen(parent context.Context, kinds []domain.Kind) error {
	ctx, stop := context.WithCancel(parent)
	defer stop()
	status := l.bell.conn.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer l.bell.conn.RemoveStatusListener(status)
	l.renew(ctx)

	var kindsDone, watchDone sync.WaitGroup
	watchDone.Go(func() { l.watch(ctx, stop, status) })
	for _, kind := range kinds {
		kindsDone.Go(func() { l.hear(ctx, parent, kind) })
	}
	kindsDone.Go(func() { l.look(ctx, parent) })
	kindsDone.Wait()
	l.calls.Wait()
	stop()
	watchDone.Wait()
	l.lost()
	if parent.Err() == nil {
		return fmt.Errorf("listen: %w", domain.Unavailable(nats.ErrConnectionClosed))
	}
	return nil
}

// watch follows the connection: requests that stood on the old one are gone.
func (l *listener) watch(ctx context.Context, stop func(), status <-chan nats.Status) {
	if l.bell.conn.IsClosed() {
		stop()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case now, open := <-status:
			if now == nats.CLOSED || !open {
				stop()
				return
			}
			l.renew(ctx)
		}
	}
}

func (l *listener) renew(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		l.lost()
	}
	l.link, l.lost = context.WithCancel(ctx)
}

func (l *listener) current() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.link
}

// hear listens for one kind until ctx ends. Whatever ends a consumer, it
// makes one anew: the server deletes it with its stream, with its files, or
// because somebody said so.
func (l *listener) hear(ctx, workCtx context.Context, kind domain.Kind) {
	deaf := false
	defer func() {
		if deaf {
			l.deaf.Add(-1)
		}
	}()
	for retry := minRetry; ctx.Err() == nil; {
		link := l.current()
		consumer, err := l.bell.consumer(link, kind)
		if err == nil {
			if deaf {
				deaf = false
				l.deaf.Add(-1)
				l.bell.config.Log.InfoContext(ctx, "the bell is heard again", "kind", kind)
			}
			retry = minRetry
			err = l.pull(link, workCtx, consumer)
		}
		if ctx.Err() != nil || link.Err() != nil {
			continue
		}
		if !deaf {
			deaf = true
			l.deaf.Add(1)
			l.bell.config.Log.WarnContext(ctx, "the bell is not heard; looking for work without it until it is",
				"kind", kind, "cause", classify(ctx, "listen", err))
		}
		select {
		case <-time.After(retry):
		case <-link.Done():
		}
		retry = min(2*retry, maxRetry)
	}
}

// look calls work now and then while a kind cannot be heard, or rings of this
// process get lost, as if it had been rung for: a host works on, more slowly,
// while there is no server.
func (l *listener) look(ctx, workCtx context.Context) {
	tick := time.NewTicker(lookPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if l.bell.silence.lasts(l.bell.config.RemakeAfter, time.Now()) {
			l.bell.remake(ctx)
		}
		if missed := l.bell.silence.missed.Swap(false); !missed && l.deaf.Load() == 0 {
			continue
		}
		select {
		case token := <-l.free:
			l.calls.Go(func() {
				defer func() { l.free <- token }()
				if err := l.work(workCtx); err != nil {
					l.bell.config.Log.DebugContext(ctx, "work without a ring failed, and is looked for again", "cause", err)
				}
			})
		default: // all workers are at work already
		}
	}
}

// pull takes rings until the consumer fails or link ends.
func (l *listener) pull(link, workCtx context.Context, consumer jetstream.Consumer) error {
	for {
		select { // wait for a free worker, without taking it: a ring may be long in coming
		case token := <-l.free:
			l.free <- token
		case <-link.Done():
			return link.Err()
		}
		ring, err := next(link, consumer)
		if err != nil {
			return err
		}
		if ring != nil {
			l.answer(workCtx, ring)
		}
	}
}

// next waits for a ring. It returns nil when there was none for a while.
func next(link context.Context, consumer jetstream.Consumer) (jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(link, pullWait)
	defer cancel()
	batch, err := consumer.Fetch(1, jetstream.FetchContext(ctx), jetstream.FetchHeartbeat(pullBeat))
	if err != nil {
		return nil, err
	}
	if ring, ok := <-batch.Messages(); ok {
		return ring, nil
	}
	if err := batch.Error(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	return nil, link.Err()
}

// answer calls work for the ring, or hands the ring back when another kind
// took the last worker meanwhile.
func (l *listener) answer(ctx context.Context, ring jetstream.Msg) {
	select {
	case token := <-l.free:
		l.calls.Go(func() {
			defer func() { l.free <- token }()
			l.call(ctx, ring)
		})
	default:
		l.settled(ctx, ring, ring.Nak())
	}
}

// call works on the ring, telling the server meanwhile that it is in hand.
// The acknowledgement is not confirmed: if it is lost, the ring comes once more.
func (l *listener) call(ctx context.Context, ring jetstream.Msg) {
	done := make(chan error, 1)
	go func() { done <- l.work(ctx) }()
	alive := time.NewTicker(ackWait / 3)
	defer alive.Stop()
	for {
		select {
		case <-alive.C:
			l.settled(ctx, ring, ring.InProgress())
		case err := <-done:
			if err != nil {
				err = ring.NakWithDelay(l.pause(ring))
			} else {
				err = ring.Ack()
			}
			l.settled(ctx, ring, err)
			return
		}
	}
}

// pause doubles with every delivery of the ring.
func (l *listener) pause(ring jetstream.Msg) time.Duration {
	times := uint64(1)
	if meta, err := ring.Metadata(); err == nil {
		times = meta.NumDelivered
	}
	return l.bell.config.Pause << min(max(times, 1)-1, 5)
}

func (l *listener) settled(ctx context.Context, ring jetstream.Msg, err error) {
	if err != nil {
		l.bell.config.Log.DebugContext(ctx, "ring is not settled and comes again", "subject", ring.Subject(), "cause", err)
	}
}
