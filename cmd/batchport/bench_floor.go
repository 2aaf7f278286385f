package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// floor does what jobs do to the tables with nothing but the statements, in the
// best form that both databases have. It is what the engine is measured by.
type floor handles

// addEstates adds estates that can be advertised, with the ids 1 to n.
func (f floor) addEstates(ctx context.Context, tenant string, n int) error {
	_, err := f.Write.ExecContext(ctx, `
		WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ?)
		INSERT INTO batchport_estates (tenant, id, name, country, district, address, status, rent, area, listed)
		SELECT ?, id, '松濤苑 ' || id || '樓', 1, 106, '臺北市大安區青田街' || id || '號', 'vacant', 25000, 2350, 0 FROM n`, n, tenant)
	return err
}

// edit finds the ids of all n estates, and changes a thousand with each
// statement, each in a transaction.
func (f floor) edit(ctx context.Context, tenant string, n int, listed bool) error {
	var ids []int64
	if err := f.Read.NewRaw(`SELECT id FROM batchport_estates WHERE tenant = ? ORDER BY id`, tenant).Scan(ctx, &ids); err != nil {
		return err
	}
	if len(ids) != n {
		return fmt.Errorf("%d estates, want %d", len(ids), n)
	}
	for part := range slices.Chunk(ids, 1000) {
		list := strings.Trim(strings.ReplaceAll(fmt.Sprint(part), " ", ","), "[]")
		result, err := f.Write.ExecContext(ctx,
			`UPDATE batchport_estates SET listed = ? WHERE tenant = ? AND status <> 'closed' AND listed <> ? AND id IN (`+list+`)`,
			asNumber(listed), tenant, asNumber(listed))
		if err != nil {
			return err
		}
		if changed, err := result.RowsAffected(); err != nil || changed != int64(len(part)) {
			return errors.Join(err, fmt.Errorf("%d of %d estates changed", changed, len(part)))
		}
	}
	return nil
}

// asNumber is a truth as the tables have it.
func asNumber(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// export reads the estates with one query and writes them into a workbook,
// which it brings to the disk.
func (f floor) export(ctx context.Context, tenant, path string, n int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // for when it was not written; else it is closed below
	columns := make([]ports.Column, 12)
	for i, title := range strings.Split("id,community,name,country,district,address,status,rent,area,listed,agent,landlord", ",") {
		columns[i] = ports.Column{Title: title, Format: ports.FormatID}
	}
	for _, i := range []int{2, 5, 6, 9} {
		columns[i].Format = ports.FormatText
	}
	book, err := (xlsxfile.Workbooks{}).NewWorkbook(file, "estates", columns)
	if err != nil {
		return err
	}
	rows, err := f.Read.QueryContext(ctx, `SELECT e.id, coalesce(e.community_id, 0), e.name, e.country, e.district, e.address, e.status,
		e.rent, e.area, e.listed, coalesce(e.agent_id, 0), coalesce(g.user_id, 0)
		FROM batchport_estates AS e LEFT JOIN batchport_grants AS g ON g.tenant = e.tenant AND g.estate_id = e.id
		WHERE e.tenant = ? ORDER BY e.id`, tenant)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // what it could say, Err says
	for rows.Next() {
		var e estate.Estate
		if err := rows.Scan(&e.ID, &e.CommunityID, &e.Name, &e.Country, &e.District, &e.Address, &e.Status,
			&e.Rent, &e.Area, &e.Listed, &e.AgentID, &e.LandlordID); err != nil {
			return err
		}
		n--
		if err := book.WriteRow(exportedRow(e)); err != nil {
			return err
		}
	}
	if n != 0 {
		return errors.Join(rows.Err(), fmt.Errorf("%d estates too few", n))
	}
	return errors.Join(rows.Err(), book.Close(), file.Sync(), file.Close())
}

func exportedRow(e estate.Estate) []ports.Cell {
	integer := func(n int64) ports.Cell { return ports.Cell{Kind: ports.CellInteger, Int: n} }
	text := func(s string) ports.Cell { return ports.Cell{Kind: ports.CellText, Text: s} }
	return []ports.Cell{
		integer(e.ID), integer(e.CommunityID), text(e.Name), integer(e.Country), integer(e.District), text(e.Address),
		text(string(e.Status)), integer(e.Rent),
		{Kind: ports.CellNumber, Text: e.Area.String()},
		text(fmt.Sprint(e.Listed)),
		integer(e.AgentID), integer(e.LandlordID),
	}
}
