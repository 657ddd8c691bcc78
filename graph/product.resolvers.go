package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/product"
)

// ProductUpsert is the resolver for the productUpsert field.
func (r *mutationResolver) ProductUpsert(ctx context.Context, input model.ProductUpsertInput) (*model.ProductUpsertPayload, error) {
	saved, err := r.ProductService.Upsert(ctx, auth.FromContext(ctx), product.Input{
		SKU: input.Sku, Name: input.Name, Description: text(input.Description),
		PriceMinor: input.PriceMinor, Currency: input.Currency, Image: input.Image,
	})
	if err != nil {
		return productUpsertRefused(err)
	}
	return &model.ProductUpsertPayload{Product: saved}, nil
}

// ProductArchive is the resolver for the productArchive field.
func (r *mutationResolver) ProductArchive(ctx context.Context, input model.ProductArchiveInput) (*model.ProductArchivePayload, error) {
	p := auth.FromContext(ctx)
	productID, err := id.Parse[id.Product](input.ProductID)
	if err != nil {
		return nil, err
	}
	archived, err := r.ProductService.Archive(ctx, p, productID)
	if err != nil {
		return productArchiveRefused(err)
	}
	return &model.ProductArchivePayload{Product: archived}, nil
}

// ID is the resolver for the id field.
func (r *productResolver) ID(ctx context.Context, obj *product.Product) (string, error) {
	return obj.ID.TypeID(), nil
}

// Product is the resolver for the product field.
func (r *queryResolver) Product(ctx context.Context, id string) (*product.Product, error) {
	productID, err := parseProductID(id)
	if err != nil {
		return nil, err
	}
	found, err := r.ProductService.ByID(ctx, only(productID))
	return found[productID], err
}

// Products is the resolver for the products field.
func (r *queryResolver) Products(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.ProductFilter) (*model.ProductConnection, error) {
	request, err := pagination.Parse(productList.cursor, first, after, last, before)
	if err != nil {
		return nil, err
	}
	narrowed, err := toProductFilter(filter)
	if err != nil {
		return nil, err
	}
	result, err := r.ProductService.List(ctx, narrowed, request)
	if err != nil {
		return nil, err
	}
	return productConnection(productList.connect(result)), nil
}

// Product returns generated.ProductResolver implementation.
func (r *Resolver) Product() generated.ProductResolver { return &productResolver{r} }

type productResolver struct{ *Resolver }
