import { useEffect, useRef } from 'react';
import { useQuery, useSubscription, type CombinedError } from 'urql';
import { getFragment, type FragmentType } from '../gql';
import { isMalformed } from '../shared/states';
import { EventItem } from './timeline';
import { useRetry } from '../shared/use-retry';
import { HistoryQuery, LiveOrder, OrderEventsSubscription, OrderQuery, OrderWithHistory } from './documents';

/** Events in one page of a history, as documents.ts requests. */
const pageLength = 100;

/** An order and its live state. Without an order, an error and `loading`, the order does not exist for this user. */
export interface LiveOrderState {
  readonly order: FragmentType<typeof OrderWithHistory> | null;
  readonly loading: boolean;
  readonly error: CombinedError | undefined;
  /** Whether the rest of the history is still loading. */
  readonly incomplete: boolean;
  /** Why the subscription has ended; undefined while it is open or reconnecting. */
  readonly interrupted: CombinedError | undefined;
  readonly retry: () => void;
}

/**
 * Loads an order with its whole history and keeps both current by a subscription.
 *
 * The history is loaded once, and every push appends its event. An event between that answer and the first push (a SNAPSHOT
 * or RESET) is in neither: the push then has a version beyond the history, and the history is loaded once more.
 */
export function useLiveOrder(id: string): LiveOrderState {
  const [{ data, fetching, stale, error }, reload] = useQuery({
    query: OrderQuery,
    variables: { id },
    requestPolicy: 'cache-and-network',
  });
  useRetry({ error, fetching }, reload);
  const [live, resubscribe] = useSubscription({ query: OrderEventsSubscription, variables: { orderId: id }, pause: !data?.order });
  const order = data?.order ?? null;
  const missed = missedVersion(order);
  // A long history is loaded page by page; the cache merges the pages.
  const { nodes = [], pageInfo } = getFragment(OrderWithHistory, order)?.events ?? {};
  const { hasNextPage, endCursor } = pageInfo ?? {};
  const hasMore = hasNextPage === true || (missed !== null && nodes.length >= pageLength);
  const [history, loadMore] = useQuery({ query: HistoryQuery, variables: { id, after: endCursor ?? '' }, pause: !hasMore || !endCursor });
  const requested = useRef<string>('');
  useEffect(() => {
    const gap = `${id}/${missed}`;
    if (missed === null || fetching || stale || live.data === undefined || requested.current === gap) return;
    requested.current = gap;
    reload({ requestPolicy: 'network-only' });
  }, [id, missed, fetching, stale, live.data, reload]);
  return {
    order,
    loading: fetching && !order,
    error: order || isMalformed(error) ? undefined : error,
    incomplete: hasNextPage === true,
    interrupted: live.error ?? history.error,
    retry: () => {
      reload({ requestPolicy: 'network-only' });
      if (live.error) resubscribe();
      if (history.error) loadMore({ requestPolicy: 'network-only' });
    },
  };
}

/** The order's version if its loaded history ends before that version, else null. */
function missedVersion(order: FragmentType<typeof OrderWithHistory> | null): number | null {
  const whole = getFragment(OrderWithHistory, order);
  if (!whole || whole.events.pageInfo.hasNextPage) return null;
  const { version } = getFragment(LiveOrder, whole);
  const last = getFragment(EventItem, whole.events.nodes).at(-1)?.version ?? 0;
  return version > last ? version : null;
}
