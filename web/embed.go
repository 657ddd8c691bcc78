// Package web holds the built web app: the shop, the staff board and the playground.
//
// `npm run build` in this folder fills dist; before that dist has only a placeholder, so that Go code builds without Node.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files returns the built app as a file system rooted at its public root:
//
//   - index.html: the single-page app, to be answered for `/`, `/order`, `/order/create`, `/order/{id}`, `/payment` and `/board`;
//   - playground.html: GraphiQL, for `/playground`;
//   - assets/…: scripts, styles and workers whose names carry a hash of their content, so they may be cached for ever;
//   - products/…: the catalogue's pictures.
//
// index.html is missing as long as the app has not been built.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("web: " + err.Error()) // only an invalid path fails, and "dist" is valid
	}
	return files
}
