package memory_test

import (
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/ports/portstest"
)

func TestBudgetRules(t *testing.T) {
	t.Parallel()
	portstest.BudgetRules(t, func(*testing.T) portstest.RuleStore { return memory.NewStore(time.Now) })
}

func TestSyncAnswers(t *testing.T) {
	t.Parallel()
	portstest.SyncAnswers(t, func(*testing.T) portstest.AnswerStore { return memory.NewStore(time.Now) })
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	portstest.Quotas(t, func(*testing.T) (portstest.QuotaStore, func(time.Time)) {
		var now time.Time
		return memory.NewStore(func() time.Time { return now }), func(t time.Time) { now = t }
	})
}
