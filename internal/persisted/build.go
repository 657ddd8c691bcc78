package persisted

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// Build writes a manifest of all operations in the given files and folders. It reads .graphql and .gql files, templates
// tagged gql, graphql or /* GraphQL */ in JavaScript and TypeScript files, and manifests of other tools, which are JSON
// files named as arguments: {"hash": "document"} as from Relay and GraphQL Code Generator, or {"operations": [{"id",
// "body"}]} as from Apollo. It searches folders except node_modules. An operation gets the fragments that it uses, wherever
// they are.
func Build(w io.Writer, paths ...string) error {
	b := builder{documents: map[string]string{}, fragments: map[string]*ast.FragmentDefinition{}}
	for _, path := range paths {
		if err := b.add(path); err != nil {
			return err
		}
	}
	if err := b.link(); err != nil {
		return err
	}
	if len(b.documents) == 0 {
		return errors.New("no operations found")
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(b.documents) // sorted by key, so that the same operations give the same file
}

type builder struct {
	documents  map[string]string
	operations []*ast.OperationDefinition
	fragments  map[string]*ast.FragmentDefinition
}

// add adds the operations of a file, or of the files in a folder.
func (b *builder) add(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return b.file(path)
	}
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "node_modules":
			return fs.SkipDir
		case entry.IsDir(), filepath.Ext(name) == ".json": // such as package.json
			return nil
		default:
			return b.file(name)
		}
	})
}

// template is a tagged template literal. Its text may contain escaped characters. What precedes the tag distinguishes it
// from a word in a comment, such as the path /graphql in backticks.
var template = regexp.MustCompile("(?s)(?:(?:^|[\\s=(,:?&|!{[])(?:gql|graphql)|/\\* GraphQL \\*/)\\s*\\(?\\s*`((?:[^`\\\\]|\\\\.)*)`")

// expression inserts the fragments of another template, which are found separately.
var expression = regexp.MustCompile(`\$\{[^}]*\}`)

func (b *builder) file(path string) error {
	var texts []string
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	switch filepath.Ext(path) {
	case ".graphql", ".gql":
		texts = []string{string(content)}
	case ".js", ".jsx", ".mjs", ".ts", ".tsx", ".mts":
		for _, match := range template.FindAllSubmatch(content, -1) {
			texts = append(texts, string(expression.ReplaceAll(match[1], nil)))
		}
	case ".json":
		return b.manifest(path, content)
	}
	for _, text := range texts {
		if err := b.definitions(text); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// manifest adds the documents of another tool's manifest unchanged, because its clients send its hashes.
func (b *builder) manifest(path string, content []byte) error {
	documents := map[string]string{}
	var apollo struct {
		Operations []struct{ ID, Body string }
	}
	if json.Unmarshal(content, &apollo) == nil && apollo.Operations != nil {
		for _, operation := range apollo.Operations {
			documents[operation.ID] = operation.Body
		}
	} else if err := json.Unmarshal(content, &documents); err != nil {
		return fmt.Errorf("%s is not a manifest: %w", path, err)
	}
	raw, err := json.Marshal(documents)
	if err != nil {
		return err
	}
	if _, err := ReadManifest(bytes.NewReader(raw)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for hash, text := range documents {
		b.documents[hash] = text
	}
	return nil
}

func (b *builder) definitions(text string) error {
	query, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxTokens)
	if err != nil {
		return err
	}
	b.operations = append(b.operations, query.Operations...)
	for _, fragment := range query.Fragments {
		one := render(&ast.QueryDocument{Fragments: ast.FragmentDefinitionList{fragment}})
		if known := b.fragments[fragment.Name]; known != nil && render(&ast.QueryDocument{Fragments: ast.FragmentDefinitionList{known}}) != one {
			return fmt.Errorf("more than one fragment is named %s", fragment.Name)
		}
		b.fragments[fragment.Name] = fragment
	}
	return nil
}

// link returns one document for each operation.
func (b *builder) link() error {
	for _, operation := range b.operations {
		used := map[string]*ast.FragmentDefinition{}
		if err := b.use(used, operation.SelectionSet); err != nil {
			return fmt.Errorf("operation %s: %w", operation.Name, err)
		}
		query := &ast.QueryDocument{Operations: ast.OperationList{operation}}
		for _, fragment := range used {
			query.Fragments = append(query.Fragments, fragment)
		}
		text := render(query)
		b.documents[string(Hash(text))] = text
	}
	return nil
}

func (b *builder) use(used map[string]*ast.FragmentDefinition, set ast.SelectionSet) error {
	for _, selection := range set {
		var inner ast.SelectionSet
		switch selection := selection.(type) {
		case *ast.Field:
			inner = selection.SelectionSet
		case *ast.InlineFragment:
			inner = selection.SelectionSet
		case *ast.FragmentSpread:
			fragment := b.fragments[selection.Name]
			switch {
			case fragment == nil:
				return fmt.Errorf("fragment %s not found", selection.Name)
			case used[selection.Name] == nil:
				used[selection.Name] = fragment
				inner = fragment.SelectionSet
			}
		}
		if err := b.use(used, inner); err != nil {
			return err
		}
	}
	return nil
}
