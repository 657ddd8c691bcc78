package graph

//go:generate go -C .. run ./internal/gqlgen
