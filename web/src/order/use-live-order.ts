import { useEffect, useRef } from 'react';
import { useQuery, useSubscription, type CombinedError } from 'urql';
import { getFragment, type FragmentType } from '../gql';
import { isMalformed } from '../shared/states';
import { EventItem } from './timeline';
import { useRetry } from '../shared/use-retry';
import { HistoryQuery, LiveOrder, OrderEventsSubscription, OrderQuery, OrderWithHistory } from './documents';

/** How many events one page of a history has, as documents.ts asks. */
const pageLength = 100;

/** An order as its page sees it. Neither loading, nor an error, nor an order means that there is none for this user. */
export interface LiveOrderState {
  readonly order: FragmentType<typeof OrderWithHistory> | null;
  readonly loading: boolean;
  readonly error: CombinedError | undefined;
  /** Whether the history's end is still being read. */
  readonly incomplete: boolean;
  /** Why live changes have ended for good; a lost connection is no such reason, it comes back by itself. */
  readonly interrupted: CombinedError | undefined;
  readonly retry: () => void;
}

/**
 * Loads an order with its whole history and keeps both current by subscription alone.
 *
 * The history is read once. Every push adds its event to it; should the first push (a SNAPSHOT or RESET) show a version the
 * history does not reach, because something happened between the two, the history is read once more for that version.
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
  // Page after page of a long history, until it is whole; each joins the others in the cache.
  const { nodes = [], pageInfo } = getFragment(OrderWithHistory, order)?.events ?? {};
  const { hasNextPage, endCursor } = pageInfo ?? {};
  const unread = hasNextPage === true || (missed !== null && nodes.length >= pageLength);
  const [history, readOn] = useQuery({ query: HistoryQuery, variables: { id, after: endCursor ?? '' }, pause: !unread || !endCursor });
  const asked = useRef<string>('');
  useEffect(() => {
    const mark = `${id}/${missed}`;
    if (missed === null || fetching || stale || live.data === undefined || asked.current === mark) return;
    asked.current = mark;
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
      if (history.error) readOn({ requestPolicy: 'network-only' });
    },
  };
}

/** The order's version if its loaded history ends before it, else null. */
function missedVersion(order: FragmentType<typeof OrderWithHistory> | null): number | null {
  const whole = getFragment(OrderWithHistory, order);
  if (!whole || whole.events.pageInfo.hasNextPage) return null;
  const { version } = getFragment(LiveOrder, whole);
  const last = getFragment(EventItem, whole.events.nodes).at(-1)?.version ?? 0;
  return version > last ? version : null;
}
