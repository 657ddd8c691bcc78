// Command gqlgen runs gqlgen and adds to what it generates:
//   - for each object type a function that renders it straight into the answer (see package render), which gqlgen's own function of the
//     type calls first;
//   - for each field of the type Subscription the code that opens it and renders its items, in place of a resolver;
//   - for the values of some enums Go constants, and for each type of event the Go type that stands for it;
//   - for each mutation the function that maps a service's error to the payload's userErrors;
//   - for each connection type the function that makes one of a page.
//
// It reads gqlgen.yml of the folder it runs in.
package main

import (
	"fmt"
	"os"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/vektah/gqlparser/v2"
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
	schema, err := gqlparser.LoadSchema(cfg.Sources...)
	if err != nil {
		return err
	}
	for _, c := range constantFiles {
		if err := c.generate(schema); err != nil {
			return err
		}
	}
	if err := generateEvents(cfg, schema); err != nil {
		return err
	}
	renderers := &renderers{}
	if err := api.Generate(cfg, api.PrependPlugin(withoutResolvers{}), api.AddPlugin(subscriptions{}), api.AddPlugin(renderers),
		api.AddPlugin(enums{}), api.AddPlugin(payloads{}), api.AddPlugin(connections{})); err != nil {
		return err
	}
	return renderers.install(cfg.Exec.DirName)
}
