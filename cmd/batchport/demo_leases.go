package main

import (
	"encoding/json"
	"time"
)

const (
	firstContract = 500_001
	firstRepair   = 700_001
)

// demoToday is when the made-up data is up to date.
var demoToday = time.Date(2026, time.November, 22, 0, 0, 0, 0, time.UTC)

// repairs are what breaks in made-up estates: a category, and what the tenant
// says.
var repairs = [][2]string{
	{"水電", "浴室水龍頭漏水，無法完全關緊"},
	{"水電", "客廳插座沒有電"},
	{"冷氣", "冷氣不冷，運轉時有異音"},
	{"門窗", "陽台落地窗卡住，無法關上"},
	{"家電", "洗衣機脫水時劇烈震動"},
	{"家電", "熱水器點不著火"},
	{"防水", "臥室天花板滲水，油漆剝落"},
	{"門窗", "大門電子鎖沒有反應"},
}

// writeContracts makes up a contract for two estates of three.
func (d *demoData) writeContracts(out *json.Encoder) error {
	for i := range d.estates {
		if i%3 == 2 {
			continue
		}
		starts := demoToday.AddDate(0, -d.random.IntN(30), -d.random.IntN(28))
		ends := starts.AddDate(1+d.random.IntN(2), 0, -1)
		state := "active"
		if ends.Before(demoToday) {
			state = "ended"
		}
		rent := 8_000 + 500*d.random.IntN(60)
		err := out.Encode(map[string]any{
			"id": firstContract + i, "estate_id": firstEstate + i, "tenant_name": d.person(), "agent_id": firstAgent + d.random.IntN(d.agents),
			"starts_on": starts.Format(time.DateOnly), "ends_on": ends.Format(time.DateOnly), "rent": rent, "deposit": 2 * rent, "state": state,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// writeRepairs makes up a repair for every fourth estate.
func (d *demoData) writeRepairs(out *json.Encoder) error {
	for i := 0; i < d.estates; i += 4 {
		what, state, cost := pick(d, repairs), pick(d, []string{"open", "doing", "done", "done"}), 0
		if state == "done" {
			cost = 500 + 100*d.random.IntN(80)
		}
		err := out.Encode(map[string]any{
			"id": firstRepair + i, "estate_id": firstEstate + i, "category": what[0], "description": what[1],
			"reported_on": demoToday.AddDate(0, 0, -d.random.IntN(200)).Format(time.DateOnly), "state": state, "cost": cost,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
