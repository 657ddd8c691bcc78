import { useEffect, useRef, useState } from 'react';
import { useQuery, type CombinedError } from 'urql';
import { graphql } from '../gql';
import type { OrdersQuery, OrderStatus } from '../gql/graphql';
import { useConnection } from '../shared/context';
import { useFeedGeneration } from './order-feed';
import { useRetry } from '../shared/use-retry';

const Orders = graphql(`
  query Orders($first: Int!, $after: String, $filter: OrderFilter) {
    orders(first: $first, after: $after, filter: $filter) {
      nodes {
        id
        ...ListedOrder
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const pageSize = 20;

export interface OrderListState {
  readonly data: OrdersQuery | undefined;
  readonly error: CombinedError | undefined;
  readonly loading: boolean;
  /** Loads the next page. */
  readonly more: () => void;
  readonly retry: () => void;
}

/**
 * The user's orders (staff: everybody's) in any of these states, newest first, kept current by the feed through the cache.
 *
 * `search` finds text in numbers, external references and products' names; orders that come later do not join what it found.
 *
 * The list is read once the feed has begun, and the cache adds what it is told while the list is being read, so nothing can
 * fall between the two; if no connection can be had it is read anyway. It is read again only when the feed begins anew.
 */
export function useOrderList(statuses: OrderStatus[], search = ''): OrderListState {
  const beginnings = useFeedGeneration();
  const connection = useConnection();
  const offline = connection !== 'idle' && connection !== 'connecting' && connection !== 'live';
  const [after, setAfter] = useState<string | null>(null);
  const filter = statuses.length > 0 || search ? { ...(statuses.length > 0 && { status: statuses }), ...(search && { search }) } : null;
  const [{ data, error, fetching }, reload] = useQuery({
    query: Orders,
    variables: { first: pageSize, after, filter },
    requestPolicy: 'cache-and-network',
    pause: beginnings === 0 && !offline,
  });
  useRetry({ error, fetching }, reload);
  const readFor = useRef(beginnings);
  useEffect(() => {
    const before = readFor.current;
    readFor.current = beginnings;
    if (before === beginnings || (before === 0 && !data)) return; // the paused query starts by itself
    setAfter(null);
    reload({ requestPolicy: 'network-only' });
  }, [beginnings, data, reload]);
  return {
    data,
    error,
    loading: fetching,
    more: () => setAfter(data?.orders.pageInfo.endCursor ?? null),
    retry: () => reload({ requestPolicy: 'network-only' }),
  };
}
