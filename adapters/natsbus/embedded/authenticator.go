package embedded

import (
	"context"
	"crypto/subtle"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/batchport/batchport/domain"
)

const (
	// internalUser is this process itself. Its secret is made at the start
	// and never leaves the process.
	internalUser = "batchport-internal"

	// authTimeout bounds the wait for [Config.Authenticate] and, before it,
	// for the server to be ready.
	authTimeout = 2 * time.Second

	// maxTenantConnections bounds the connections of one tenant, so that it
	// cannot take them all.
	maxTenantConnections = 64
)

// authenticator lets this process in, and subscribers into the account of
// their tenant.
type authenticator struct {
	config listening
	secret string
	ready  chan struct{} // closed when subscribers may come in
	guests guests

	mu      sync.Mutex
	server  *server.Server
	tenants map[domain.TenantID]*server.Account
}

var _ server.Authentication = (*authenticator)(nil)

func newAuthenticator(config listening, secret string) *authenticator {
	return &authenticator{
		config:  config,
		secret:  secret,
		ready:   make(chan struct{}),
		tenants: make(map[domain.TenantID]*server.Account),
	}
}

// open lets subscribers in.
func (a *authenticator) open() { close(a.ready) }

// Check implements [server.Authentication].
func (a *authenticator) Check(client server.ClientAuthentication) bool {
	if client.Kind() != server.CLIENT {
		return false
	}
	given := client.GetOpts()
	if subtle.ConstantTimeCompare([]byte(given.Password), []byte(a.secret)) == 1 && given.Username == internalUser {
		client.RegisterUser(&server.User{Username: internalUser, Account: a.server.GlobalAccount()})
		return true
	}
	if a.config.Authenticate == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), authTimeout)
	defer cancel()
	select {
	case <-a.ready:
	case <-ctx.Done():
		return false
	}
	who := credentials{given.Username, given.Password}
	if who == (credentials{}) {
		who.password = given.Token
	}
	tenant, ok := a.config.Authenticate(ctx, who.user, who.password)
	if !ok {
		return false
	}
	account, err := a.account(tenant)
	if err != nil {
		a.config.Log.Error("subscriber is refused", "tenant", tenant, "cause", err)
		return false
	}
	if account.NumLocalConnections() >= maxTenantConnections {
		a.config.Log.Warn("subscriber is refused", "tenant", tenant, "connections", maxTenantConnections)
		return false
	}
	if a.config.Revoked != nil {
		a.guests.add(client.GetID(), who)
	}
	client.RegisterUser(&server.User{Username: string(tenant), Account: account, Permissions: a.permissions(tenant)})
	return true
}

// permissions are what a tenant's connection may do in its account. Its
// inboxes need no prefix of their own, since nobody else is in the account.
func (a *authenticator) permissions(tenant domain.TenantID) *server.Permissions {
	events := a.config.names.EventSubjects(tenant)
	allowed := make([]string, 0, len(passages))
	for _, p := range passages {
		allowed = append(allowed, p.public(a.config.names, tenant))
	}
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: allowed},
		Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>", events}},
	}
}

// account returns the tenant's account, made when its first subscriber comes.
func (a *authenticator) account(tenant domain.TenantID) (*server.Account, error) {
	if _, err := domain.ParseTenant(string(tenant)); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if account := a.tenants[tenant]; account != nil {
		return account, nil
	}
	account, _ := a.server.LookupOrRegisterAccount("tenant-" + string(tenant))
	global := a.server.GlobalAccount()
	if err := account.AddStreamImport(global, a.config.names.EventSubjects(tenant), ""); err != nil {
		return nil, fmt.Errorf("import events: %w", err)
	}
	for _, p := range passages {
		if err := account.AddServiceImport(global, p.public(a.config.names, tenant), p.private(a.config.names, tenant)); err != nil {
			return nil, fmt.Errorf("import %s: %w", p.name, err)
		}
	}
	a.tenants[tenant] = account
	return account, nil
}
