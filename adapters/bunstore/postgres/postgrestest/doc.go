// Package postgrestest gives tests a PostgreSQL to run on: the server that the
// environment variable BATCHPORT_TEST_POSTGRES names, in libpq's URL form, or
// one that it starts from installed programs and that ends with the test's
// process. Without either a test is skipped, or, with BATCHPORT_TEST_REQUIRE=1,
// fails.
package postgrestest
