module github.com/batchport/batchport/docs/clients

go 1.26.0
