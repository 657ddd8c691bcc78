import { useState } from 'react';
import type { CombinedError, TypedDocumentNode } from 'urql';
import type { OrdersQuery, OrdersQueryVariables, OrderStatus } from '../gql/graphql';
import { useConnection } from '../shared/context';
import { useFeedQuery } from './use-feed-query';

const pageSize = 20;

export interface OrderListState<Data extends OrdersQuery> {
  readonly data: Data | undefined;
  readonly error: CombinedError | undefined;
  readonly loading: boolean;
  /** Loads the next page. */
  readonly more: () => void;
  readonly retry: () => void;
}

/**
 * The user's orders (staff: everybody's) in any of these states, newest first, kept current by the feed through the cache.
 * Without a connection the list is loaded anyway, before the feed has started.
 *
 * `query` must be the list of this user's documents (useOrderDocuments). `search` finds text in numbers, external references
 * and products' names; later orders do not join what it found.
 */
export function useOrderList<Data extends OrdersQuery>(query: TypedDocumentNode<Data, OrdersQueryVariables>, statuses: OrderStatus[], search = ''): OrderListState<Data> {
  const connection = useConnection();
  const withoutFeed = connection !== 'idle' && connection !== 'connecting' && connection !== 'live';
  const [after, setAfter] = useState<string | null>(null);
  const filter = statuses.length > 0 || search ? { ...(statuses.length > 0 && { status: statuses }), ...(search && { search }) } : null;
  const [{ data, error, fetching }, reload] = useFeedQuery({
    query,
    variables: { first: pageSize, after, filter },
    requestPolicy: 'cache-and-network',
    withoutFeed,
    onRestart: () => setAfter(null),
  });
  return {
    data,
    error,
    loading: fetching,
    more: () => setAfter(data?.orders.pageInfo.endCursor ?? null),
    retry: () => reload({ requestPolicy: 'network-only' }),
  };
}
