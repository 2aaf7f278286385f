package estates_test

import (
	"errors"
	"testing"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
)

// FuzzRequest submits any text. What is accepted must be what the interface's
// description allows, as [oracle] knows it; what is refused must say why, and
// leave nothing behind.
func FuzzRequest(f *testing.F) {
	for _, body := range goodRequests() {
		f.Add(body)
	}
	for _, body := range badRequests() {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body, err := document.Parse(text)
		if err != nil {
			if code := domain.CodeOf(err); code != domain.CodeMalformed && code != domain.CodeDuplicate {
				t.Fatalf("Parse(%q) = %v, want malformed or duplicate", text, err)
			}
			return
		}
		fix, _ := newIdle(t, estates.Config{MaxNamed: oracleLimit})
		fix.load(t)
		job, err := fix.estates.Submit(t.Context(), fix.who, estates.Request{Body: body, Upload: uploadOf})
		if err != nil {
			if job != nil {
				t.Errorf("Submit(%q) = a job and %v, want one of them", text, err)
			}
			wantReasons(t, text, body.Kind == document.Object, err)
			wantNothingStored(t, text, fix)
			return
		}
		o := newOracle(t, text, fix, job)
		o.check()
	})
}

// wantReasons checks that a refusal says what is wrong, and where.
func wantReasons(t *testing.T, text string, object bool, err error) {
	t.Helper()
	var refused *domain.Error
	if !errors.As(err, &refused) || len(refused.Failures) == 0 {
		t.Fatalf("Submit(%q) = %v, want failures", text, err)
	}
	if refused.Code != domain.CodeInvalid && refused.Code != domain.CodeTooMany {
		t.Errorf("Submit(%q) = %v, want invalid or too_many", text, refused.Code)
	}
	for _, f := range refused.Failures {
		if f.Code == "" || object && f.Field == "" {
			t.Errorf("Submit(%q): failure %+v lacks its code or its field", text, f)
		}
	}
}

// wantNothingStored checks that there is neither a job nor news of one.
func wantNothingStored(t *testing.T, text string, f fixture) {
	t.Helper()
	waiting, err := f.store.Waiting(t.Context())
	if err != nil || len(waiting) > 0 {
		t.Errorf("Submit(%q) was refused and left %v, %v waiting", text, waiting, err)
	}
	if events, err := f.store.UnpublishedEvents(t.Context(), 1); err != nil || len(events) > 0 {
		t.Errorf("Submit(%q) was refused and left the events %v, %v", text, events, err)
	}
}

// goodRequests has requests of every kind, in the spellings of PHP and of
// JavaScript.
func goodRequests() []string {
	return []string{
		`{"job_name":"estate_batch_open_rent","estatesIds":[1,"2",9007199254740991],"total":123,"searchOptions":{"country":1}}`,
		`{"job_name":"estate_batch_close_rent","estatesIds":"all","total":"3","searchOptions":[]}`,
		`{"job_name":"estate_export","estatesIds":"all","total":0,"searchOptions":{"keyword":["a",5],"country":1,"district":"2","community_id":[3],
			"status":["vacant","closed"],"listed":[0,"1",true],"agent_id":7,"landlord_id":"21","rent_min":1,"rent_max":"9","page":1,"sort":{}}}`,
		`{"job_name":"community_export","communityIds":"all","total":1,"searchOptions":{"keyword":"","country":null,"district":[1,2]}}`,
		`{"job_name":"contract_export","contractIds":"all","total":1,"searchOptions":{"estate_id":1,"agent_id":["7"],"state":"active","ends_before":"2026-12-31","ends_after":["2025-01-01"]}}`,
		`{"job_name":"contract_export","constarctIds":[11,"12"],"contractIds":null}`,
		`{"job_name":"repair_export","repairIds":"all","total":1,"searchOptions":{"estate_id":"1","state":["open"],"category":"水電","reported_after":"2026-01-01","reported_before":"2026-02-01"}}`,
		`{"job_name":"repair_export","repairIds":[3]}`,
		`{"job_name":"estate_batch_upload_monthly_report","estatesIds":[1],"publicUrl":"https://example.com:8443/a?b#c","date":"202611"}`,
		`{"job_name":"estate_batch_upload_monthly_report","estatesIds":"all","total":4,"searchOptions":{"listed":"0"},"publicUrl":"HTTPS://[::1]/","date":190001}`,
		`{"job_name":"estate_import_monthly_statement","publicUrl":"https://example.com/a.xlsx","date":"999912"}`,
		`{"job_name":"estate_batch_edit_agent","action":"estate","data":{"1":{"id":1,"editUserId":7},"2":{"editUserId":"8"},"3":[],"4":"x"}}`,
		`{"job_name":"estate_batch_edit_agent","action":"contract","data":[{"id":11,"editUserId":7},{"id":"12","editUserId":null}]}`,
		`{"job_name":"estate_batch_edit_agent","action":"estate","data":[],"estatesIds":"all","total":1,"searchOptions":{},"editUserId":"7"}`,
		`{"job_name":"estate_batch_edit_agent","action":"contract","data":{},"constarctIds":"all","total":1,"searchOptions":{"state":"draft"},"editUserId":7}`,
		`{"job_name":"estate_batch_edit_bigLandlord","action":"estate","data":{"1":{"id":"1","editUserId":21,"capabilities":{"show_estate":0,"edit_repair":"1","fly":true}},"2":{"editUserId":null}}}`,
		`{"job_name":"estate_batch_edit_bigLandlord","data":[{"id":1,"editUserId":"21","capabilities":[]},{"id":"1","editUserId":21}],"searchOptions":[],"editUserId":"","capabilitiesReplace":{}}`,
		`{"job_name":"estate_batch_edit_bigLandlord","total":2,"searchOptions":{"landlord_id":21},"editUserId":21,"capabilitiesReplace":{"show_estate":false}}`,
		`{"job_name":"estate_batch_edit_bigLandlord","estatesIds":"all","total":2,"searchOptions":[],"editUserId":null,"capabilitiesReplace":[]}`,
	}
}

// badRequests has requests that are wrong in one way, and some in many.
func badRequests() []string {
	return []string{
		`{"job_name":"estate_export","estatesIds":"all","total":1,"searchOptions":{"contry":1}}`,
		`{"job_name":"estate_export","estatesIds":"all","total":1,"searchOptions":{"country":[]}}`,
		`{"job_name":"estate_export","estatesIds":"all","searchOptions":{}}`,
		`{"job_name":"estate_export","estatesIds":[9007199254740992]}`,
		`{"job_name":"estate_import_monthly_statement","publicUrl":"https://u:p@example.com/","date":"202612"}`,
		`{"job_name":"estate_import_monthly_statement","publicUrl":"http://example.com/","date":"202612"}`,
		`{"job_name":"estate_import_monthly_statement","publicUrl":"https://example.com/","date":"202613"}`,
		`{"job_name":"estate_batch_edit_agent","action":"estate","data":{"1":{"id":2,"editUserId":7}}}`,
		`{"job_name":"estate_batch_edit_agent","action":"estate","data":[{"id":1,"editUserId":7},{"id":1,"editUserId":8}]}`,
		`{"job_name":"estate_batch_edit_agent","action":"estate","total":1,"searchOptions":{},"editUserId":21}`,
		`{"job_name":"estate_batch_edit_bigLandlord","total":1,"searchOptions":{},"editUserId":""}`,
		`{"job_name":"estate_batch_edit_bigLandlord","total":1,"searchOptions":{},"editUserId":21,"capabilitiesReplace":{"fly":1}}`,
		`[]`, `{}`, `{"job_name":"x"}`,
		`{"job_name":"estate_export","estatesIds":[0,-1,1.0,1e2,"x",null,9007199254740992]}`,
		`{"job_name":"estate_export","estatesIds":[1,2,3,4,5,6,7,8,9]}`,
		`{"job_name":"estate_export","estatesIds":"all","total":-1,"searchOptions":{"contry":1,"rent_min":9,"rent_max":1}}`,
		`{"job_name":"contract_export","contractIds":[1],"constarctIds":[1]}`,
		`{"job_name":"estate_import_monthly_statement","publicUrl":"https://u:p@example.com/","date":"202613"}`,
		`{"job_name":"estate_batch_upload_monthly_report","estatesIds":[1],"publicUrl":"up:x","date":""}`,
		`{"job_name":"estate_batch_edit_agent","action":"estate","data":{"1":{"editUserId":7}},"editUserId":7}`,
		`{"job_name":"estate_batch_edit_agent","action":"flat","data":{"1":{"id":2},"01":{}}}`,
		`{"job_name":"estate_batch_edit_bigLandlord","total":1,"searchOptions":{},"editUserId":"0","capabilitiesReplace":{"fly":1,"show_estate":2}}`,
	}
}
