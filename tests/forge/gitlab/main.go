// Holds documents and queries against the types of GitLab's own client.
//
// Standard input has a line for each, {"type": NAME, "content": …}; what does not fit its type, or
// has a field that the type has not, is a line of standard output. A list is one of such types. A
// query is an object of strings, and its type's name ends in `?`.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go"
)

var types = map[string]any{
	"AcceptMergeRequestOptions":       gitlab.AcceptMergeRequestOptions{},
	"CreateMergeRequestNoteOptions":   gitlab.CreateMergeRequestNoteOptions{},
	"CreateMergeRequestOptions":       gitlab.CreateMergeRequestOptions{},
	"ListMergeRequestNotesOptions":    gitlab.ListMergeRequestNotesOptions{},
	"ListProjectMergeRequestsOptions": gitlab.ListProjectMergeRequestsOptions{},
	"ListUsersOptions":                gitlab.ListUsersOptions{},
	"BasicMergeRequest":               gitlab.BasicMergeRequest{},
	"Commit":                          gitlab.Commit{},
	"GetMergeRequestCommitsOptions":   gitlab.GetMergeRequestCommitsOptions{},
	"Note":                            gitlab.Note{},
	"UpdateMergeRequestNoteOptions":   gitlab.UpdateMergeRequestNoteOptions{},
	"UpdateMergeRequestOptions":       gitlab.UpdateMergeRequestOptions{},
	"User":                            gitlab.User{},
}

type line struct {
	Type    string
	Content json.RawMessage
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var one line
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			fmt.Println(err)
			continue
		}
		if err := check(one); err != nil {
			fmt.Printf("%s: %s\n", one.Type, err)
		}
	}
}

func check(one line) error {
	name, isQuery := strings.CutSuffix(one.Type, "?")
	known, found := types[name]
	if !found {
		return fmt.Errorf("no such type")
	}
	kind := reflect.TypeOf(known)
	if isQuery {
		return query(kind, one.Content)
	}
	if bytes.HasPrefix(bytes.TrimSpace(one.Content), []byte("[")) {
		kind = reflect.SliceOf(kind)
	}
	strict := json.NewDecoder(bytes.NewReader(one.Content))
	strict.DisallowUnknownFields()
	return strict.Decode(reflect.New(kind).Interface())
}

func query(kind reflect.Type, content json.RawMessage) error {
	var asked map[string]string
	if err := json.Unmarshal(content, &asked); err != nil {
		return err
	}
	names := map[string]bool{}
	for _, field := range reflect.VisibleFields(kind) {
		name, _, _ := strings.Cut(field.Tag.Get("url"), ",")
		names[name] = true
	}
	for name := range asked {
		if !names[name] {
			return fmt.Errorf("query %s", name)
		}
	}
	return nil
}
