// Package schema holds the GraphQL schema: one .graphqls file per domain, described in full for the people who
// write clients. The files are the source; the server's code, the web app's types and /schema.graphql follow them.
//
// Query and its Relay fields are in api.graphqls, whose name puts it first: the files joined define a type before they extend
// it, which relay-compiler asks for. The mutations' root is in order_mutation.graphqls, the subscriptions in
// subscription.graphqls; other domains extend those roots from their own files.
package schema

import (
	"embed"
	"strings"
	"sync"
)

//go:embed *.graphqls
var files embed.FS

// SDL returns the whole schema in the GraphQL schema definition language (GraphQL specification, section 3), as UTF-8
// text with descriptions: all .graphqls files of this folder joined in byte order of their names, nothing between them.
// /schema.graphql serves it, and it equals `cat schema/*.graphqls`.
func SDL() string { return join() }

var join = sync.OnceValue(func() string {
	// The file system is part of the program, so reading it cannot fail once the build succeeded.
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err)
	}
	var text strings.Builder
	for _, entry := range entries { // ReadDir sorts by name.
		content, err := files.ReadFile(entry.Name())
		if err != nil {
			panic(err)
		}
		text.Write(content)
	}
	return text.String()
})
