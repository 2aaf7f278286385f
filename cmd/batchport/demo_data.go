package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// demoTenant owns the made-up data.
const demoTenant domain.TenantID = "demo"

// serveDemoEstates is how many estates "serve --demo" makes up.
const serveDemoEstates = 2000

// Identifiers of the made-up data begin here, so that a reader can tell what
// an id is of.
const (
	firstAgent     = 1001
	firstLandlord  = 2001
	firstCommunity = 3001
	firstEstate    = 100_001
)

// taiwan is the country code of the made-up data.
const taiwan = 1

// district is a district of a city, and what a ping costs there in a month.
type district struct {
	code        int
	city, name  string
	rentPerPing int
	streets     []string
}

var districts = []district{
	{106, "臺北市", "大安區", 1650, []string{"和平東路二段", "復興南路一段", "瑞安街", "青田街"}},
	{110, "臺北市", "信義區", 1700, []string{"松仁路", "基隆路一段", "莊敬路", "吳興街"}},
	{104, "臺北市", "中山區", 1450, []string{"南京東路三段", "林森北路", "民權東路二段", "八德路二段"}},
	{114, "臺北市", "內湖區", 1150, []string{"成功路四段", "文德路", "瑞光路", "康寧路三段"}},
	{220, "新北市", "板橋區", 1000, []string{"文化路一段", "中山路二段", "府中路", "漢生東路"}},
	{234, "新北市", "永和區", 950, []string{"永和路二段", "中正路", "得和路", "福和路"}},
	{330, "桃園市", "桃園區", 750, []string{"中正路", "春日路", "大興西路二段", "同德五街"}},
	{300, "新竹市", "東區", 900, []string{"光復路二段", "關新路", "慈雲路", "食品路"}},
	{407, "臺中市", "西屯區", 850, []string{"臺灣大道三段", "市政北七路", "文心路二段", "福星路"}},
	{408, "臺中市", "南屯區", 780, []string{"公益路二段", "大墩十一街", "黎明路一段", "文心南路"}},
	{701, "臺南市", "東區", 650, []string{"東門路二段", "崇學路", "裕農路", "林森路一段"}},
	{800, "高雄市", "新興區", 620, []string{"中正三路", "民生一路", "七賢一路", "林森一路"}},
	{813, "高雄市", "左營區", 680, []string{"博愛二路", "自由二路", "裕誠路", "明華一路"}},
}

var (
	surnames      = []string{"陳", "林", "黃", "張", "李", "王", "吳", "劉", "蔡", "楊", "許", "鄭", "謝", "郭", "洪", "邱", "曾", "廖", "賴", "徐"}
	givenNames    = []string{"怡君", "志明", "淑芬", "家豪", "雅婷", "俊傑", "美玲", "建宏", "佳穎", "宗翰", "詩涵", "冠宇", "欣怡", "承恩", "心怡", "柏翰", "筱涵", "彥廷", "惠雯", "育誠"}
	communityHead = []string{"青田", "松濤", "御景", "綠光", "禾豐", "文心", "河岸", "翠庭", "明日", "晴川", "雲頂", "築夢", "和風", "悅城", "森活"}
	communityTail = []string{"花園", "雅築", "大廈", "首席", "天廈", "新城", "學苑", "苑", "居", "之星"}
)

// addDemoTenant loads made-up data for the demo tenant and returns a new key
// that may do everything. A tenant that has estates keeps them as they are:
// somebody has worked on them. Keys of earlier calls stay valid.
func addDemoTenant(ctx context.Context, n *node, count int) (string, error) {
	exists, err := hasEstates(ctx, n, demoTenant)
	if err == nil && !exists {
		err = loadDemoData(ctx, n, count)
	}
	if err != nil {
		return "", err
	}
	return n.keys.Create(ctx, domain.Principal{Tenant: demoTenant, User: "1", Permissions: []domain.Permission{domain.All}})
}

func hasEstates(ctx context.Context, n *node, tenant domain.TenantID) (bool, error) {
	for _, err := range n.database.store.SelectEstates(ctx, tenant, estate.Filter{}) {
		return err == nil, err
	}
	return false, nil
}

// loadDemoData loads made-up data for the demo tenant. The same number of
// estates gives the same data.
func loadDemoData(ctx context.Context, n *node, count int) error {
	loader := estates.NewLoader(n.database.store)
	data := newDemoData(count)
	for _, part := range []struct {
		kind  estates.LoadKind
		write func(*json.Encoder) error
	}{
		{estates.LoadUsers, data.writeUsers},
		{estates.LoadCommunities, data.writeCommunities},
		{estates.LoadEstates, data.writeEstates},
		{estates.LoadContracts, data.writeContracts},
		{estates.LoadRepairs, data.writeRepairs},
	} {
		if err := loadMadeUp(ctx, loader, part.kind, part.write); err != nil {
			return fmt.Errorf("load made-up %s: %w", part.kind, err)
		}
	}
	return nil
}

// loadMadeUp sends records through the loader as a file would come.
func loadMadeUp(ctx context.Context, loader *estates.Loader, kind estates.LoadKind, write func(*json.Encoder) error) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(write(json.NewEncoder(w))) }()
	counts, err := loader.Load(ctx, demoTenant, kind, r, func(f estates.LineFailure) error {
		return fmt.Errorf("line %d: %s", f.Line, f.Failure)
	})
	_ = r.CloseWithError(io.ErrClosedPipe) // ends the writer if the loader gave up
	if err == nil && counts.Failed > 0 {
		err = errors.New("made-up data was refused")
	}
	return err
}

// demoData makes up a property manager's records.
type demoData struct {
	random                                  *rand.Rand
	estates, agents, landlords, communities int
	places                                  []place // of the communities
}

// place is where a community stands.
type place struct {
	district district
	address  string
	name     string
}

func newDemoData(count int) *demoData {
	d := &demoData{
		random:  rand.New(rand.NewPCG(20261122, 1)),
		estates: count, agents: max(2, count/500), landlords: max(5, count/50), communities: max(3, count/70),
	}
	for range d.communities {
		at := pick(d, districts)
		d.places = append(d.places, place{
			district: at,
			name:     pick(d, communityHead) + pick(d, communityTail),
			address:  fmt.Sprintf("%s%s%s%d號", at.city, at.name, pick(d, at.streets), 1+d.random.IntN(380)),
		})
	}
	return d
}

func pick[T any](d *demoData, from []T) T { return from[d.random.IntN(len(from))] }

func (d *demoData) person() string { return pick(d, surnames) + pick(d, givenNames) }

func (d *demoData) writeUsers(out *json.Encoder) error {
	for _, people := range []struct {
		first, n int
		role     string
	}{{firstAgent, d.agents, "agent"}, {firstLandlord, d.landlords, "landlord"}} {
		for i := range people.n {
			if err := out.Encode(map[string]any{"id": people.first + i, "name": d.person(), "role": people.role}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *demoData) writeCommunities(out *json.Encoder) error {
	for i, at := range d.places {
		err := out.Encode(map[string]any{
			"id": firstCommunity + i, "name": at.name, "country": taiwan, "district": at.district.code,
			"address": at.address, "households": 20 + d.random.IntN(300),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *demoData) writeEstates(out *json.Encoder) error {
	for i := range d.estates {
		if err := out.Encode(d.estate(i)); err != nil {
			return err
		}
	}
	return nil
}

// estate makes up the ith estate. Every 1,500th is closed: those cannot be
// advertised.
func (d *demoData) estate(i int) map[string]any {
	community := d.random.IntN(len(d.places))
	at := d.places[community]
	hundredths := 800 + d.random.IntN(5200) // of a ping
	rent := at.district.rentPerPing * hundredths / 100
	rent += rent * (d.random.IntN(31) - 15) / 100
	e := map[string]any{
		"id": firstEstate + i, "community_id": firstCommunity + community,
		"name":    fmt.Sprintf("%s %d樓之%d", at.name, 2+d.random.IntN(22), 1+d.random.IntN(6)),
		"country": taiwan, "district": at.district.code, "address": at.address,
		"status": pick(d, []string{"vacant", "vacant", "rented", "rented", "rented", "maintenance"}),
		"rent":   rent / 100 * 100, "area": fmt.Sprintf("%d.%02d", hundredths/100, hundredths%100),
		"listed": false, "agent_id": firstAgent + d.random.IntN(d.agents), "landlord_id": nil,
	}
	if d.random.IntN(10) < 8 {
		e["landlord_id"] = firstLandlord + d.random.IntN(d.landlords)
	}
	if isClosed(i) {
		e["status"] = "closed"
	}
	return e
}

func isClosed(i int) bool { return i%1500 == 749 }

// estateIDs returns the ids of all made-up estates, in order.
func (d *demoData) estateIDs() []int64 {
	ids := make([]int64, 0, d.estates)
	for i := range d.estates {
		ids = append(ids, int64(firstEstate+i))
	}
	return slices.Clip(ids)
}
