package natsbus_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/adapters/natsbus/natstest"
)

func TestConnectWithTLS(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	cert, key := ca.issue(t, "server")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	cluster := natstest.Start(t, 1, func(o *server.Options) {
		o.TLS, o.TLSVerify, o.TLSTimeout = true, true, 5
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: ca.pool(), ClientAuth: tls.RequireAndVerifyClientCert}
	})
	plain := natstest.Start(t, 1, nil)
	secure := []string{strings.Replace(cluster.URLs()[0], "nats://", "tls://", 1)}
	ownCert, ownKey := ca.issue(t, "client")
	otherCert, otherKey := other.issue(t, "client")
	for name, try := range map[string]struct {
		config natsbus.LinkConfig
		want   string // in the error; "" for a connection
	}{
		"all in order":           {natsbus.LinkConfig{URLs: secure, CA: ca.file, Certificate: ownCert, Key: ownKey}, ""},
		"without a certificate":  {natsbus.LinkConfig{URLs: secure, CA: ca.file}, "client's certificate"},
		"another's certificate":  {natsbus.LinkConfig{URLs: secure, CA: ca.file, Certificate: otherCert, Key: otherKey}, "client's certificate"},
		"another authority":      {natsbus.LinkConfig{URLs: secure, CA: other.file, Certificate: ownCert, Key: ownKey}, "not known here"},
		"the system's":           {natsbus.LinkConfig{URLs: secure, Certificate: ownCert, Key: ownKey}, "not known here"},
		"a server without TLS":   {natsbus.LinkConfig{URLs: plain.URLs(), CA: ca.file}, "one side wants TLS"},
		"tls:// and without TLS": {natsbus.LinkConfig{URLs: []string{strings.Replace(plain.URLs()[0], "nats://", "tls://", 1)}}, "one side wants TLS"},
	} {
		_, err := connectTo(t, try.config)
		if try.want == "" && err != nil || try.want != "" && !strings.Contains(errorText(err), try.want) {
			t.Errorf("Connect with %s = %v, want %q", name, err, try.want)
		}
	}
}

// authority issues certificates for 127.0.0.1.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{cert: &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}}
	a.file, _, a.key = a.sign(t, a.cert)
	return a
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func (a *authority) issue(t *testing.T, name string) (cert, key string) {
	t.Helper()
	cert, key, _ = a.sign(t, &x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	return cert, key
}

// sign makes files of the certificate and a new key for it; an authority
// without a key signs its own.
func (a *authority) sign(t *testing.T, cert *x509.Certificate) (certFile, keyFile string, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert.SerialNumber, cert.NotBefore, cert.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	signer := a.key
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	if signer == key {
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile, key
}
