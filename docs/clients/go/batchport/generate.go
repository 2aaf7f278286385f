// Package batchport is a client of batchport, generated from its description:
// go generate ./...
package batchport

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../../../openapi/openapi-3.0.json
