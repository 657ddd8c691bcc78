package graph

import (
	"sync"

	"github.com/orderwire/orderwire/schema"
)

// parsedSchema returns the schema, which all handlers share. It must not be changed.
var parsedSchema = sync.OnceValue(schema.Parse)
