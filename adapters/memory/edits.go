package memory

import (
	"context"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// userField is the field that names a person, in what clients send.
const userField = "editUserId"

// editEach does the edits one after another, each on the store that edit is
// given.
func editEach[E any](ctx context.Context, s *Store, edits []E, edit func(*Store, *tx, E) domain.Outcome) ([]domain.Outcome, error) {
	outcomes := make([]domain.Outcome, len(edits))
	err := s.do(ctx, func(s *Store, t *tx) error {
		for i, e := range edits {
			outcomes[i] = edit(s, t, e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

// isUser tells whether the person is a user of the tenant in the role.
func (s *Store) isUser(tenant domain.TenantID, id int64, role estate.Role) bool {
	user, found := s.estates.users[objectKey{tenant, id}]
	return found && user.Role == role
}

func (s *Store) isEstate(tenant domain.TenantID, id int64) bool {
	_, found := s.estates.estates[objectKey{tenant, id}]
	return found
}

// former returns m[k], nil for none.
func former[K comparable, V any](m map[K]V, k K) *V {
	if v, found := m[k]; found {
		return &v
	}
	return nil
}

// replaceUnlessSame puts what is not there already.
func replaceUnlessSame[K comparable, R interface {
	Replacing(former *R) domain.Outcome
}](t *tx, m map[K]R, k K, r R) domain.Outcome {
	outcome := r.Replacing(former(m, k))
	if outcome.Fate != domain.Unchanged {
		put(t, m, k, r)
	}
	return outcome
}
