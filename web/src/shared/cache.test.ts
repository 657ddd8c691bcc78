import { Client, type ExchangeIO, type OperationResult } from '@urql/core';
import { filter, map, pipe } from 'wonka';
import { describe, expect, it } from 'vitest';
import { orderCache } from './cache';

interface Page {
  skus: string[];
  end: string | null;
  next: boolean;
}

// Without the graphql tag, so that code generation skips it.
const list = `
  query ($first: Int, $after: String, $filter: ProductFilter) {
    products(first: $first, after: $after, filter: $filter) {
      nodes { id sku }
      pageInfo { hasNextPage endCursor }
    }
  }
`;

/** A client whose server has these pages of a list, by search and cursor, and a record of its requests. */
function shop(pages: Record<string, Page>) {
  const asked: string[] = [];
  const server = (): ExchangeIO => (operations) =>
    pipe(
      operations,
      filter(({ kind }) => kind === 'query'),
      map((operation): OperationResult => {
        const { after, filter: narrowed } = operation.variables as { after?: string; filter?: { search: string } };
        const at = `${narrowed?.search ?? ''}:${after ?? ''}`;
        asked.push(at);
        const page = pages[at]!;
        const data = {
          __typename: 'Query',
          products: {
            __typename: 'ProductConnection',
            nodes: page.skus.map((sku) => ({ __typename: 'Product', id: `product_${sku}`, sku })),
            pageInfo: { __typename: 'PageInfo', hasNextPage: page.next, endCursor: page.end },
          },
        };
        return { operation, data, stale: false, hasNext: false };
      }),
    );
  const client = new Client({ url: '/graphql', preferGetMethod: false, exchanges: [orderCache(), server] });
  /** Loads a page and returns the whole list. */
  const read = async (search: string | null, after?: string) => {
    const { data } = await client.query(list, { first: 2, after, filter: search === null ? undefined : { search } }).toPromise();
    const { nodes, pageInfo } = (data as { products: { nodes: { sku: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } }).products;
    return { skus: nodes.map(({ sku }) => sku), next: pageInfo.hasNextPage, end: pageInfo.endCursor };
  };
  return { read, asked };
}

describe('a filtered list', () => {
  it('continues after an empty page that has a successor', async () => {
    const { read } = shop({
      'mug:': { skus: ['a'], end: '1', next: true },
      'mug:1': { skus: [], end: '2', next: true },
      'mug:2': { skus: ['b'], end: '3', next: false },
    });
    expect(await read('mug')).toEqual({ skus: ['a'], end: '1', next: true });
    expect(await read('mug', '1')).toEqual({ skus: ['a'], end: '2', next: true });
    expect(await read('mug', '2')).toEqual({ skus: ['a', 'b'], end: '3', next: false });
  });

  it('may begin with an empty page', async () => {
    const { read } = shop({ 'mug:': { skus: [], end: '1', next: true }, 'mug:1': { skus: ['a'], end: '2', next: false } });
    expect(await read('mug')).toEqual({ skus: [], end: '1', next: true });
    expect(await read('mug', '1')).toEqual({ skus: ['a'], end: '2', next: false });
  });

  it('has only the pages of its own filter', async () => {
    const { read, asked } = shop({
      'mug:': { skus: ['a'], end: '1', next: true },
      'cap:': { skus: ['c'], end: '9', next: true },
      ':': { skus: ['x', 'y'], end: '5', next: true },
      'mug:1': { skus: [], end: '2', next: false },
    });
    await read('mug');
    expect(await read('cap')).toEqual({ skus: ['c'], end: '9', next: true });
    expect(await read(null)).toEqual({ skus: ['x', 'y'], end: '5', next: true });
    expect(await read('mug', '1')).toEqual({ skus: ['a'], end: '2', next: false });
    expect(await read('cap')).toEqual({ skus: ['c'], end: '9', next: true });
    expect(asked).toEqual(['mug:', 'cap:', ':', 'mug:1']);
  });
});
