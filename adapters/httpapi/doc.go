// Package httpapi is the HTTP side of batchport: the estate batch interface
// under /api2, the failed items of jobs and uploads under /v1, downloads under
// /files, health under /livez and /readyz, and the description of it all under
// /openapi.json, with a page to read it at /docs.
//
// Handlers are thin: they authenticate, translate, call a use case and
// translate back. Bodies are read by app/document, strictly, since what Huma
// and encoding/json let pass (duplicate keys, lone surrogates, keys in any
// case) would be judged differently by the next program. Every error leaves
// through one function, which shows safe text only.
package httpapi
