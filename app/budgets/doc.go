// Package budgets syncs budget rules: many at once in one synchronous request
// of the source interface, or as a job of the engine. Either way the same rows
// come to the same end, each by itself, and count as one request of the
// tenant's quota.
package budgets
