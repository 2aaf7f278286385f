// Package webfetch gets documents over https for clients who must not get it
// to reach what only this machine can.
//
// # What is reached
//
// Only public addresses. What counts is the address that a connection is made
// to, judged before the first packet leaves, on every hop; so neither a name that
// leads to a private address, nor one that changes its answer, nor a redirect
// gets anywhere. Nothing of the environment takes part: no proxy, no cookies,
// no credentials, no Referer. Certificates are always verified.
//
// Hosts of [Config.AllowedHosts] are the exception: their addresses are not
// judged, because whoever runs the installation answers for them.
//
// Two things cannot be seen from here. A network that translates IPv6 addresses
// of a prefix of its own into IPv4 (RFC 6052, section 2.2) must not do so for private
// ones. And a service that listens on a public address of this very machine is
// reached as any other.
package webfetch
