package naive

// Resolver is the root of gqlgen's resolvers.
type Resolver struct{ shop *shop }
