import { useEffect, useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { useQuery } from 'urql';
import { LoadMore } from '../shared/load-more';
import { Page } from '../shared/page';
import { ProductCard } from './product-card';
import { Empty, explain, Failure, isMalformed, Loading } from '../shared/states';
import { graphql } from '../gql';
import { useDraft } from '../shared/context';

const ProductsQuery = graphql(`
  query Products($first: Int!, $after: String, $filter: ProductFilter) {
    products(first: $first, after: $after, filter: $filter) {
      nodes {
        id
        ...ProductCardParts
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const pageSize = 8;
/** How long typing must pause before the search starts, in milliseconds. */
const typingPause = 200;

/** `/`: the products, with a search. Visible without sign-in. */
export function Products() {
  const [params, setParams] = useSearchParams();
  const search = params.get('q') ?? '';
  const [typed, setTyped] = useState(search);
  useEffect(() => {
    if (typed === search) return;
    const timer = setTimeout(() => setParams(typed ? { q: typed } : {}, { replace: true }), typingPause);
    return () => clearTimeout(timer);
  }, [typed, search, setParams]);

  return (
    <Page
      title="Products"
      beside={
        <label className="search">
          <span className="visually-hidden">Search products</span>
          <input type="search" placeholder="Search" maxLength={100} value={typed} onChange={({ target }) => setTyped(target.value)} />
        </label>
      }
    >
      <ProductList key={search} search={search} onClear={() => setTyped('')} />
      <DraftBar />
    </Page>
  );
}

function ProductList({ search, onClear }: { search: string; onClear: () => void }) {
  const [after, setAfter] = useState<string | null>(null);
  const filter = search ? { search } : null;
  const [{ data, fetching, error }, reload] = useQuery({ query: ProductsQuery, variables: { first: pageSize, after, filter } });
  if (error && isMalformed(error)) {
    return (
      <Empty title="This search is not possible">
        <p>{explain(error)}</p>
        <button type="button" onClick={onClear}>
          Show all products
        </button>
      </Empty>
    );
  }
  if (error && !data) return <Failure error={error} retry={() => reload({ requestPolicy: 'network-only' })} />;
  if (!data) return <Loading what="products" />;
  const { nodes, pageInfo } = data.products;
  if (nodes.length === 0 && !pageInfo.hasNextPage) {
    return (
      <Empty title={search ? `Nothing found for “${search}”` : 'There are no products yet'}>
        {search && (
          <button type="button" onClick={onClear}>
            Show all products
          </button>
        )}
      </Empty>
    );
  }
  return (
    <>
      <ul className="grid" aria-label="Products">
        {nodes.map((product) => (
          <li key={product.id}>
            <ProductCard product={product} />
          </li>
        ))}
      </ul>
      {error && <Failure error={error} retry={() => reload({ requestPolicy: 'network-only' })} />}
      {pageInfo.hasNextPage && <LoadMore loading={fetching} onMore={() => setAfter(pageInfo.endCursor ?? null)} loads={false} />}
    </>
  );
}

/** The draft order's size, with a link to review it. */
function DraftBar() {
  const { items, currency, store } = useDraft();
  const pieces = Object.values(items).reduce((sum, quantity) => sum + quantity, 0);
  if (pieces === 0) return null;
  return (
    <aside className="draft-bar" aria-label="Your order">
      <span>
        <strong>
          {pieces} {pieces === 1 ? 'item' : 'items'}
        </strong>{' '}
        <span className="hint">in {currency}; an order has one currency</span>
      </span>
      <button type="button" className="quiet" onClick={() => store.clear()}>
        Empty
      </button>
      <Link className="button" to="/order/create">
        Review order
      </Link>
    </aside>
  );
}
