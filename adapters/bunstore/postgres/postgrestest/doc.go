// Package postgrestest gives tests a PostgreSQL to run on: the server that the
// environment variable BATCHPORT_TEST_POSTGRES names, in libpq's URL form, or
// one that it starts from installed programs and that ends with the test's
// process. Without either a test is skipped, or, with BATCHPORT_TEST_REQUIRE=1,
// fails. A server that it starts does not bring commits to the disk, which would
// be what is measured; with BATCHPORT_TEST_FSYNC=1 it does.
package postgrestest
