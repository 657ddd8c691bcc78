package main

import (
	"fmt"
	"io"
	"os"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/persisted"
)

// limits of a document, as they are set.
func limits(cfg config.Config) guard.Limits {
	return guard.Limits{
		Tokens: cfg.MaxTokens, Depth: cfg.MaxDepth, IntrospectionDepth: cfg.MaxIntrospectionDepth, Fields: cfg.MaxFields,
		Aliases: cfg.MaxAliases, Directives: cfg.MaxDirectives, RootFields: cfg.MaxRootFields,
		MutationFields: cfg.MaxMutationFields, Cost: cfg.MaxCost, Errors: cfg.MaxErrors,
	}
}

// trustedDocuments reads the manifest at path; nil without one.
func trustedDocuments(path string) (*persisted.Manifest, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("TRUSTED_DOCUMENTS: %w", err)
	}
	defer file.Close() //nolint:errcheck // it is only read
	manifest, err := persisted.ReadManifest(file)
	if err != nil {
		return nil, fmt.Errorf("TRUSTED_DOCUMENTS: %s: %w", path, err)
	}
	return manifest, nil
}

// writeManifest is the command server manifest.
func writeManifest(w io.Writer, paths []string) error {
	if len(paths) == 0 {
		return fmt.Errorf("manifest needs the files or folders that have the operations, such as web/src")
	}
	return persisted.Build(w, paths...)
}
