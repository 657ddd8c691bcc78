// Command gqlgen runs gqlgen and adds to what it generates: each object type gets a function that renders it straight into
// the answer (see package render), and gqlgen's own function of the type begins with it; each field of the type Subscription gets what
// opens it and renders its items, and no resolver. It reads gqlgen.yml of the folder it runs in.
package main

import (
	"fmt"
	"os"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen/config"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	cfg, err := config.LoadConfigFromDefaultLocations()
	if err != nil {
		return err
	}
	renderers := &renderers{}
	if err := api.Generate(cfg, api.PrependPlugin(withoutResolvers{}), api.AddPlugin(subscriptions{}), api.AddPlugin(renderers)); err != nil {
		return err
	}
	return renderers.install(cfg.Exec.DirName)
}
