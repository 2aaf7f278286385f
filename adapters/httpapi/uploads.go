package httpapi

import (
	"context"
	"encoding/hex"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

const uploadsPath = "/v1/files"

// registerUploads adds the taking in of files.
func (a *api) registerUploads() {
	register(a, huma.Operation{
		OperationID:   "upload-file",
		Method:        http.MethodPost,
		Path:          uploadsPath,
		Summary:       "Upload a file",
		Description:   "Stores a file for jobs of the tenant, which name it by its url. It is removed some days after the last job that named it.",
		Tags:          []string{"Files"},
		Security:      secured,
		DefaultStatus: http.StatusCreated,
		Responses: refusals(a.huma, problem{}, http.StatusBadRequest, http.StatusUnauthorized,
			http.StatusRequestEntityTooLarge, http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, a.upload)
	// Huma only describes the body: it would hold all of a form in memory, and
	// beyond its own limit on bodies.
	a.huma.OpenAPI().Paths[uploadsPath].Post.RequestBody = &huma.RequestBody{
		Required: true,
		Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{
			Type:     huma.TypeObject,
			Required: []string{fileField},
			Properties: map[string]*huma.Schema{fileField: {
				Type: huma.TypeString, Format: "binary", Description: "The file, with its name. Other fields are passed over.",
			}},
		}}},
	}
}

type uploadInput struct {
	exchange
	Locale string `header:"locale" doc:"Language of messages: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says."`
}

type uploadOutput struct {
	Location string `header:"Location" doc:"The same as url."`
	Body     uploadAnswer
}

type uploadAnswer struct {
	ID     string `json:"id" doc:"Names the file." example:"up-8c1f0f4d6b0e4a55a1f6f0cf0f1d9c3e"`
	URL    string `json:"url" doc:"What a job names the file by, as its publicUrl. Works as a download with the caller's key, and for some time without one."`
	Name   string `json:"name" doc:"What the file is called: as it was sent, without folders and what cannot be seen." example:"十一月.xlsx"`
	Size   int64  `json:"size" minimum:"1" doc:"In bytes."`
	SHA256 string `json:"sha256" pattern:"^[0-9a-f]{64}$" doc:"The SHA-256 of the content, in hexadecimal digits."`
}

func (a *api) upload(ctx context.Context, in *uploadInput) (out *uploadOutput, err error) {
	defer func() {
		if err != nil {
			// Else the server would wait for the rest of the body before it answers.
			in.w.Header().Set("Connection", "close")
		}
	}()
	who, err := a.deps.Authenticate(in.r)
	if err != nil {
		return nil, err
	}
	memory, promise := a.budget.open(), a.promised.open()
	defer memory.release()
	defer promise.release()
	form, err := a.openForm(in.w, in.r, memory, promise)
	if err != nil {
		return nil, err
	}
	defer form.patient()
	name, err := form.begin()
	if err != nil {
		return nil, err
	}
	upload, err := a.deps.Uploads.Receive(ctx, who, name, form)
	if err != nil {
		return nil, err
	}
	link := a.link(in.r, fileRef{tenant: upload.Tenant, id: upload.ID, name: upload.Name})
	return &uploadOutput{Location: link, Body: uploadAnswer{
		ID: upload.ID, URL: link, Name: upload.Name, Size: upload.Size, SHA256: hex.EncodeToString(upload.SHA256[:]),
	}}, nil
}
