package main

import "strings"

// itemCounts is how many items came to which end, as a report says it.
type itemCounts struct {
	Total, Created, Updated, Unchanged, Deleted, Exported, Failed, Skipped, Cancelled int
}

func (r itemCounts) String() string {
	parts := []string{thousands(r.Total) + " items"}
	for _, part := range []struct {
		n    int
		fate string
	}{
		{r.Created, "created"},
		{r.Updated, "updated"},
		{r.Unchanged, "unchanged"},
		{r.Deleted, "deleted"},
		{r.Exported, "exported"},
		{r.Failed, "failed"},
		{r.Skipped, "skipped"},
		{r.Cancelled, "cancelled"},
	} {
		if part.n > 0 {
			parts = append(parts, thousands(part.n)+" "+part.fate)
		}
	}
	return strings.Join(parts, ", ")
}
