// Package natstest runs NATS servers with JetStream for tests: one, or a
// cluster whose servers can be stopped and started again one by one. They
// listen on 127.0.0.1 alone and keep their files in the test's own folder.
package natstest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// patience is how long a cluster may take to do what it was told.
const patience = 60 * time.Second

// Cluster is some NATS servers that know each other. Its methods are for the
// goroutine of the test.
type Cluster struct {
	members []*member
	shape   func(*server.Options)
}

// member is one server's place in the cluster. It keeps its ports and files.
type member struct {
	name              string
	dir               string
	port, clusterPort int
	server            *server.Server // nil while it is stopped
}

// Start runs size servers, 1 or an odd number, until the test ends; one alone
// is no cluster. shape, if any, has the options of each before it starts.
func Start(t testing.TB, size int, shape func(*server.Options)) *Cluster {
	t.Helper()
	c := &Cluster{shape: shape}
	root := t.TempDir()
	ports := freePorts(t, 2*size)
	for i := range size {
		name := fmt.Sprint("n", i)
		c.members = append(c.members, &member{name: name, dir: filepath.Join(root, name), port: ports[2*i], clusterPort: ports[2*i+1]})
	}
	t.Cleanup(func() {
		for i := range c.members {
			c.Stop(i)
		}
	})
	for i := range c.members {
		c.launch(t, i)
	}
	c.WaitReady(t)
	return c
}

// Size is how many servers the cluster has, stopped ones included.
func (c *Cluster) Size() int { return len(c.members) }

// Server returns a server, or nil while it is stopped.
func (c *Cluster) Server(i int) *server.Server { return c.members[i].server }

// URLs are where the servers listen, stopped ones included.
func (c *Cluster) URLs() []string {
	var urls []string
	for _, m := range c.members {
		urls = append(urls, "nats://"+net.JoinHostPort("127.0.0.1", fmt.Sprint(m.port)))
	}
	return urls
}

// Stop stops a server, and returns when it has. Stopped ones stay so.
func (c *Cluster) Stop(i int) {
	if s := c.members[i].server; s != nil {
		c.members[i].server = nil
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// Resume starts a stopped server on the files that it left, and returns when
// it takes connections.
func (c *Cluster) Resume(t testing.TB, i int) {
	t.Helper()
	c.launch(t, i)
	if !c.members[i].server.ReadyForConnections(patience) {
		t.Fatalf("server %d is not ready for connections", i)
	}
}

// Forget removes the files of a stopped server.
func (c *Cluster) Forget(t testing.TB, i int) {
	t.Helper()
	if err := os.RemoveAll(c.members[i].dir); err != nil {
		t.Fatal(err)
	}
}

// WaitReady returns when every server that runs takes connections and, in a
// cluster, knows who leads.
func (c *Cluster) WaitReady(t testing.TB) {
	t.Helper()
	for i, m := range c.members {
		if m.server == nil {
			continue
		}
		if !m.server.ReadyForConnections(patience) {
			t.Fatalf("server %d is not ready for connections", i)
		}
		Eventually(t, fmt.Sprintf("server %d is current", i), func() bool {
			return len(c.members) == 1 || m.server.JetStreamIsCurrent()
		})
	}
	if len(c.members) > 1 {
		Eventually(t, "the cluster has a leader that sees all servers", func() bool {
			for _, m := range c.members {
				if m.server != nil && m.server.JetStreamIsLeader() {
					return len(m.server.JetStreamClusterPeers()) == len(c.members)
				}
			}
			return false
		})
	}
}

// Leader returns the number of the server that leads a stream, having waited
// until there is one.
func (c *Cluster) Leader(t testing.TB, stream string) int {
	t.Helper()
	leader := -1
	Eventually(t, "stream "+stream+" has a leader", func() bool {
		for i, m := range c.members {
			if m.server != nil && m.server.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
				leader = i
				return true
			}
		}
		return false
	})
	return leader
}

// Connect connects to all servers, and again whenever the connection is lost,
// until the test ends.
func (c *Cluster) Connect(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(strings.Join(c.URLs(), ","), append([]nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // the default prints
	}, options...)...)
	if err != nil {
		t.Fatalf("Connect = %v", err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// JetStream returns the JetStream of a connection.
func JetStream(t testing.TB, conn *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatalf("jetstream.New = %v", err)
	}
	return js
}

// Eventually returns when met does, and ends the test if that takes too long.
func Eventually(t testing.TB, what string, met func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !met(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func (c *Cluster) launch(t testing.TB, i int) {
	t.Helper()
	m := c.members[i]
	options := &server.Options{
		ServerName: m.name, Host: "127.0.0.1", Port: m.port,
		JetStream: true, StoreDir: m.dir, NoLog: true, NoSigs: true,
	}
	if len(c.members) > 1 {
		options.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: m.clusterPort}
		for _, other := range c.members {
			options.Routes = append(options.Routes, &url.URL{Scheme: "nats", Host: net.JoinHostPort("127.0.0.1", fmt.Sprint(other.clusterPort))})
		}
	}
	if c.shape != nil {
		c.shape(options)
	}
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatalf("NewServer = %v", err)
	}
	s.Start()
	m.server = s
}

// freePorts returns ports that nobody listens on just now. A cluster must know
// them before its first server starts.
func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	var listen net.ListenConfig
	for range n {
		socket, err := listen.Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = socket.Close() }()
		ports = append(ports, socket.Addr().(*net.TCPAddr).Port)
	}
	return ports
}
