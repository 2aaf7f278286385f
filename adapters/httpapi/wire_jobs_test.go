package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestWireSamples sends the source's own samples, as PHP's json_encode writes
// them: filled, and with its empty arrays.
func TestWireSamples(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	const beside = `,"total":123,"searchOptions":{"country":1}`
	for _, sample := range []string{
		`{"job_name":"estate_batch_upload_monthly_report","estatesIds":[1,2],"publicUrl":"https:\/\/example.com\/\u5831\u8868.pdf","date":"202611"` + beside + `}`,
		`{"job_name":"estate_batch_upload_monthly_report","estatesIds":"all","publicUrl":"https:\/\/example.com\/a.pdf","date":"202611","total":123,"searchOptions":[]}`,
		`{"job_name":"estate_batch_open_rent","estatesIds":[1,"2"]` + beside + `}`,
		`{"job_name":"estate_batch_close_rent","estatesIds":[1,"2"],"total":123,"searchOptions":[]}`,
		`{"job_name":"estate_export","estatesIds":"all"` + beside + `}`,
		`{"job_name":"community_export","communityIds":[5]` + beside + `}`,
		`{"job_name":"contract_export","contractIds":[11]` + beside + `}`,
		`{"job_name":"contract_export","constarctIds":[11]` + beside + `}`,
		`{"job_name":"repair_export","repairIds":[31]` + beside + `}`,
		`{"job_name":"estate_batch_edit_agent","action":"estate","data":{"1":{"id":1,"editUserId":7}}}`,
		`{"job_name":"estate_batch_edit_agent","action":"contract","data":[{"id":"11","editUserId":"7"}]}`,
		`{"job_name":"estate_batch_edit_agent","action":"estate"` + beside + `,"editUserId":7}`,
		`{"job_name":"estate_batch_edit_agent","action":"contract","total":123,"searchOptions":[],"editUserId":"7"}`,
		`{"job_name":"estate_batch_edit_bigLandlord","action":"estate","data":{"1":{"id":1,"editUserId":21,"capabilities":{"show_estate":0,"show_contract":0}}}}`,
		`{"job_name":"estate_batch_edit_bigLandlord","action":"estate","data":[{"id":1,"editUserId":21,"capabilities":[]}]}`,
		`{"job_name":"estate_batch_edit_bigLandlord","action":"estate"` + beside + `,"editUserId":21,"capabilitiesReplace":{"show_estate":0,"show_contract":0}}`,
		`{"job_name":"estate_batch_edit_bigLandlord","action":"estate","data":[],"total":123,"searchOptions":[],"editUserId":21,"capabilitiesReplace":[]}`,
		`{"job_name":"estate_import_monthly_statement","publicUrl":"https:\/\/example.com\/a.xlsx","date":"202611","estatesIds":[],"total":0,"searchOptions":[]}`,
	} {
		w.submit(sample)
	}
	w.refuses([]refused{
		{"nothing was asked for", `{"job_name":"estate_batch_upload_monthly_report","estatesIds":[],"publicUrl":"","date":"","total":123,"searchOptions":[]}`, 400, []string{"estatesIds required", "publicUrl required", "date required"}},
		{"nothing was asked for", `{"job_name":"estate_batch_open_rent","estatesIds":[],"total":123,"searchOptions":[]}`, 400, []string{"estatesIds required"}},
		{"the job_name is required", `{"estatesIds":[1]}`, 400, []string{"job_name required"}},
		{"a job_name of the table", `{"job_name":"estate_batch_open_Rent","estatesIds":[1]}`, 400, []string{"job_name unknown_job_name"}},
	})
}

// TestWireListing publishes and withdraws.
func TestWireListing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	w.run()
	for _, step := range []struct {
		sentence, body string
		code           int
		failed         []string
		listed         []int64
	}{
		{"publishes; already so = unchanged, a success", `{"job_name":"estate_batch_open_rent","estatesIds":[1,2]}`, 200, nil, []int64{1, 2}},
		{"already so", `{"job_name":"estate_batch_open_rent","estatesIds":[1]}`, 200, nil, []int64{1, 2}},
		{"an estate that is closed cannot be advertised", `{"job_name":"estate_batch_open_rent","estatesIds":[4,3]}`, 200, []string{"4 not_rentable status"}, []int64{1, 2, 3}},
		{"all failed: 204", `{"job_name":"estate_batch_open_rent","estatesIds":[4,404]}`, 204, []string{"4 not_rentable status", "404 not_found"}, []int64{1, 2, 3}},
		{"withdraws", `{"job_name":"estate_batch_close_rent","estatesIds":"all","total":2,"searchOptions":{"country":1,"listed":"1"}}`, 200, nil, []int64{3}},
		{"already so = unchanged, a success", `{"job_name":"estate_batch_close_rent","estatesIds":[4,1]}`, 200, nil, []int64{3}},
	} {
		code, _, failed := w.done(step.body)
		_, listed := w.exported(fmt.Sprintf(`{"job_name":"estate_export","estatesIds":"all","total":%d,"searchOptions":{"listed":1}}`, len(step.listed)))
		if code != step.code || !slices.Equal(failed, step.failed) || !slices.Equal(listed, step.listed) {
			t.Errorf("%s\n%s ended %d with %q and leaves %v listed, want %d with %q and %v", step.sentence, step.body, code, failed, listed, step.code, step.failed, step.listed)
		}
	}
}

// TestWireReports attaches reports and replaces one.
func TestWireReports(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	w.run()
	report := func(ids, url, date string) string {
		return fmt.Sprintf(`{"job_name":"estate_batch_upload_monthly_report","estatesIds":%s,"total":2,"searchOptions":{"country":1},"publicUrl":%q,"date":%s}`, ids, url, date)
	}
	for _, step := range []struct {
		sentence, body string
		failed         []string
		reports        []string // of estate 1
	}{
		{"attaches the PDF to each estate as its report", report(`[1,404]`, "https://example.com/1.pdf", `"202611"`), []string{"404 not_found"}, []string{"202611 https://example.com/1.pdf"}},
		{"another month is another report", report(`"all"`, "https://example.com/2.pdf", `202610`), nil, []string{"202611 https://example.com/1.pdf", "202610 https://example.com/2.pdf"}},
		{"again for the same month replaces it", report(`"all"`, "https://example.com/3.pdf", `"202611"`), nil, []string{"202611 https://example.com/3.pdf", "202610 https://example.com/2.pdf"}},
		{"the same again is a success", report(`[1]`, "https://example.com/3.pdf", `"202611"`), nil, []string{"202611 https://example.com/3.pdf", "202610 https://example.com/2.pdf"}},
	} {
		code, _, failed := w.done(step.body)
		var reports []string
		for _, r := range w.estate(1)["reports"].([]any) {
			one := r.(map[string]any)
			reports = append(reports, fmt.Sprint(one["month"], " ", one["url"]))
		}
		if code != 200 || !slices.Equal(failed, step.failed) || !slices.Equal(reports, step.reports) {
			t.Errorf("%s\n%s ended %d with %q and leaves %q, want 200 with %q and %q", step.sentence, step.body, code, failed, reports, step.failed, step.reports)
		}
	}
}

// TestWireExports checks the file: one row an object, in id order, with a name
// that carries Chinese and a link that works.
func TestWireExports(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	w.run()
	for job, c := range map[string]struct {
		ids  string
		want [][]string // the rows, shortened to three cells
		name string
	}{
		"estate_export":    {`"estatesIds":[3,1,404]`, [][]string{{"物件編號", "社區編號", "名稱"}, {"1", "5", "Riverside 河岸"}, {"3", "", "Sea"}}, "物件匯出_"},
		"community_export": {`"communityIds":[6,5]`, [][]string{{"社區編號", "名稱", "縣市"}, {"5", "Garden 花園", "1"}, {"6", "Lake", "2"}}, "社區匯出_"},
		"contract_export":  {`"contractIds":["12",11]`, [][]string{{"合約編號", "物件編號", "承租人"}, {"11", "1", "Ann Lee"}, {"12", "3", "陳大文"}}, "合約匯出_"},
		"repair_export":    {`"repairIds":[32,31]`, [][]string{{"修繕單編號", "物件編號", "類別"}, {"31", "1", "水電"}, {"32", "3", "門窗"}}, "修繕單匯出_"},
	} {
		end := fields(t, w.ended(w.submit(`{"job_name":"`+job+`",`+c.ids+`}`, "locale", "zh_TW")).body)
		data := end["data"].(map[string]any)
		link, _ := data["url"].(string)
		name, _ := data["file_name"].(string)
		file := w.call(http.MethodGet, link, "") // without a key
		if end["code"] != 200.0 || !strings.HasPrefix(link, w.server.URL+"/") || !strings.HasPrefix(name, c.name) || file.status != http.StatusOK {
			t.Errorf("%s ended with %v, and its url with %d; want an absolute url that works and a file %s…", job, end, file.status, c.name)
			continue
		}
		rows := rowsOf(t, file.body)
		for i := range rows {
			rows[i] = rows[i][:3]
		}
		if !slices.EqualFunc(rows, c.want, slices.Equal[[]string]) {
			t.Errorf("%s writes %q, want %q", job, rows, c.want)
		}
		if got := file.header.Get("Content-Disposition"); !strings.Contains(got, "filename*=UTF-8''%") {
			t.Errorf("%s: Content-Disposition %q does not carry Chinese", job, got)
		}
		unsigned, _, _ := strings.Cut(link, "?")
		if with, without := w.call(http.MethodGet, unsigned, "", "X-API-Key", w.admin), w.call(http.MethodGet, unsigned, ""); with.status != 200 || without.status == 200 {
			t.Errorf("%s: the url works with the caller's key (%d), and without its signature not for others (%d)", job, with.status, without.status)
		}
	}
}
