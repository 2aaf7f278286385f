package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/app/uploads"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// slowestDownload is how many bytes a second a client must take at least.
const slowestDownload = 16 << 10

// registerFiles adds the downloads.
func (a *api) registerFiles() {
	responses := refusals(a.huma, problem{}, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusInternalServerError, http.StatusServiceUnavailable)
	responses["200"] = &huma.Response{
		Description: "The file. Ranges and conditional requests are answered as RFC 9110 says.",
		Content:     map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}
	register(a, huma.Operation{
		OperationID: "download-file",
		Method:      http.MethodGet,
		Path:        "/files/{tenant}/{id}/{name}",
		Summary:     "Download a file that a job made, or an upload",
		Description: "With a key of the tenant, under the name that the job or its sender gave it; or without one, while the signature of the link holds.",
		Tags:        []string{"Files"},
		Security:    append([]map[string][]string{{}}, secured...),
		Responses:   responses,
	}, a.download)
}

type downloadInput struct {
	exchange
	Tenant    string `path:"tenant"`
	ID        string `path:"id"`
	Name      string `path:"name" doc:"What the file is called."`
	Expires   string `query:"expires" doc:"Until when the link works without a key, in seconds since 1970."`
	Signature string `query:"signature"`
}

type downloadOutput struct {
	Body func(huma.Context)
}

func (a *api) download(ctx context.Context, in *downloadInput) (*downloadOutput, error) {
	ref := fileRef{tenant: domain.TenantID(in.Tenant), id: in.ID, name: in.Name}
	if err := a.mayDownload(ctx, in, ref); err != nil {
		return nil, err
	}
	file, err := a.open(ctx, ref)
	switch {
	case errors.Is(err, domain.CodeNotFound), errors.Is(err, domain.CodeInvalid):
		return nil, domain.CodeNotFound
	case err != nil:
		return nil, fmt.Errorf("open a file to be downloaded: %w", err)
	}
	return &downloadOutput{Body: func(huma.Context) { a.send(in.w, in.r, ref.name, file) }}, nil
}

// mayDownload fails unless the link's signature holds or the caller is of the
// tenant. A tenant's file does not exist for others, nor under another name.
func (a *api) mayDownload(ctx context.Context, in *downloadInput, ref fileRef) error {
	if a.signed(ref, in.Expires, in.Signature) {
		return nil
	}
	who, err := a.deps.Authenticate(in.r)
	switch {
	case errors.Is(err, domain.CodeUnauthorized) && in.Signature != "":
		return codeLinkExpired
	case err != nil:
		return err
	case who.Tenant != ref.tenant:
		return domain.CodeNotFound
	}
	return a.isOf(ctx, who, ref)
}

// isOf fails unless a job of the caller's made the file and called it so: a
// name that anybody could put into the path would choose the type that the
// file is sent as. Signatures cover the name. The engine begins the id of a
// file with its job's, and a dash. Of an upload, [api.open] compares the name.
func (a *api) isOf(ctx context.Context, who domain.Principal, ref fileRef) error {
	if uploads.IsID(ref.id) {
		return nil
	}
	code, _, _ := strings.Cut(ref.id, "-")
	job, err := a.find(ctx, who, code)
	switch {
	case errors.Is(err, domain.CodeRequired):
		return domain.CodeNotFound
	case err != nil:
		return err
	}
	if file := job.File(); file == nil || file.ID != ref.id || file.Name != ref.name {
		return domain.CodeNotFound
	}
	return nil
}

// open opens a file for reading. An upload is there until it expires, by its
// own name alone.
func (a *api) open(ctx context.Context, ref fileRef) (ports.FileReader, error) {
	if !uploads.IsID(ref.id) {
		return a.deps.Files.Open(ctx, ref.tenant, ref.id)
	}
	upload, file, err := a.deps.Uploads.Open(ctx, ref.tenant, ref.id)
	if err == nil && upload.Name != ref.name {
		_ = file.Close() // nothing was read
		return nil, domain.CodeNotFound
	}
	return file, err
}

// send answers with a file.
func (a *api) send(w http.ResponseWriter, r *http.Request, name string, file ports.FileReader) {
	defer func() { _ = file.Close() }() // it was only read
	info := file.Info()
	patience := requestTime + time.Duration(info.Size/slowestDownload)*time.Second
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience)) // what cannot do that has no deadline
	header := w.Header()
	header.Set("Content-Type", contentType(name))
	header.Set("Content-Disposition", attachment(name, info.ID))
	header.Set("Cache-Control", "private, no-cache")
	header.Set("ETag", fmt.Sprintf(`"%s-%x-%x"`, info.ID, info.Size, info.ModifiedAt.UnixMicro()))
	http.ServeContent(w, r, "", info.ModifiedAt, file)
}

// contentType returns the type of a file by its name. The list is closed, so
// that no name makes a browser run what is in a file.
func contentType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".xlsx":
		return workbookType
	case ".pdf":
		return "application/pdf"
	case ".csv":
		return "text/csv; charset=utf-8"
	case ".zip":
		return "application/zip"
	}
	return "application/octet-stream"
}

// attachment returns the Content-Disposition of a file of that name: RFC 6266,
// with the name itself as RFC 8187 writes it, and in ASCII for old clients.
func attachment(name, fallback string) string {
	return `attachment; filename="` + asciiName(name, fallback) + `"; filename*=UTF-8''` + extendedValue(name)
}

// asciiName returns name if it is in ASCII, and else fallback with the
// extension of name. What would be left of a name without its other letters
// is the same for many files, and one download would overwrite another.
func asciiName(name, fallback string) string {
	ext := path.Ext(name)
	stem := strings.Trim(asciiOnly(strings.TrimSuffix(name, ext)), "_ ")
	if stem == "" || !isASCII(name) {
		stem = fallback
	}
	if !isASCII(ext) {
		return stem
	}
	return stem + asciiOnly(ext)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// asciiOnly replaces what a quoted string in a header cannot hold, and what
// clients are known to take for more than a character of a name.
func asciiOnly(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%/:*?<>|`, r) {
			return '_'
		}
		return r
	}, s)
}

// extendedValue writes s in UTF-8 and percent signs.
func extendedValue(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&+-.^_`|~"
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(plain, s[i]) >= 0 {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}
