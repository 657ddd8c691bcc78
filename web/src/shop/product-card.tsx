import { getFragment, graphql, type FragmentType } from '../gql';
import { useDraft } from '../shared/context';
import { maxQuantity } from '../shared/draft';
import { Price, PriceParts } from '../shared/price';
import { ProductPicture } from '../shared/product-picture';
import { Quantity } from './quantity';

export const ProductCardParts = graphql(`
  fragment ProductCardParts on Product {
    id
    name
    description
    image
    price {
      currency
      ...PriceParts
    }
  }
`);

/** A product with its quantity in the draft order. */
export function ProductCard({ product }: { product: FragmentType<typeof ProductCardParts> }) {
  const { id, name, description, image, price } = getFragment(ProductCardParts, product);
  const { currency } = getFragment(PriceParts, price);
  const draft = useDraft();
  const quantity = draft.items[id] ?? 0;
  const otherCurrency = draft.currency !== null && draft.currency !== currency;
  return (
    <article className="card product" aria-label={name}>
      <ProductPicture image={image} />
      <div className="product-text">
        <h2>{name}</h2>
        <p className="hint">{description}</p>
      </div>
      <div className="product-foot">
        <Price of={price} />
        {otherCurrency ? (
          <span className="hint">Your order is in {draft.currency}</span>
        ) : quantity > 0 ? (
          <Quantity of={name} value={quantity} max={maxQuantity} onChange={(next) => draft.store.setQuantity(id, next)} />
        ) : (
          <button type="button" aria-label={`Add ${name}`} onClick={() => draft.store.add({ id, currency })}>
            Add
          </button>
        )}
      </div>
    </article>
  );
}
