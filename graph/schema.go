package graph

import (
	"sync"

	"github.com/orderwire/orderwire/schema"
)

// parsedSchema is shared by all handlers, who only read it.
var parsedSchema = sync.OnceValue(schema.Parse)
