import { useEffect, useRef, useState } from 'react';
import { useQuery, type CombinedError } from 'urql';
import { EventItem } from '../order/timeline';
import { BoardRow } from './order-row';
import { getFragment, graphql } from '../gql';
import type { StatsWindow } from '../gql/graphql';
import { LiveOrder } from '../order/documents';
import { useFeedGeneration, useFeedEvents } from '../order/order-feed';
import { useRetry } from '../shared/use-retry';
import { add, counted, outdated, slide, type LiveStats, type StatsEvent } from './stats';

const Stats = graphql(`
  query Stats($window: StatsWindow!) {
    stats(window: $window) {
      at
      ordersByStatus {
        status
        count
      }
      revenue {
        amount
        amountMinor
        currency
      }
      throughput {
        at
        created
        confirmed
        declined
        cancelled
        timeToConfirmed {
          p50Ms
          p95Ms
        }
      }
      timeToConfirmed {
        p50Ms
        p95Ms
      }
      inFlight
      subscribers
    }
  }
`);

/** Another replica may answer with figures that are this many milliseconds older than those before. */
const otherReplica = 60_000;

export interface StatsState {
  readonly figures: LiveStats | null;
  readonly error: CombinedError | undefined;
  readonly retry: () => void;
}

/**
 * The figures of a window: counted by the server once the feed has begun, then kept by the feed's events. They are counted
 * again when the feed begins anew, and with the first event after a step has ended; when nothing happens nothing is asked.
 */
export function useStats(window: StatsWindow): StatsState {
  const beginnings = useFeedGeneration();
  const [{ data, error, fetching }, reload] = useQuery({ query: Stats, variables: { window }, requestPolicy: 'network-only', pause: beginnings === 0 });
  useRetry({ error, fetching }, reload);
  const [figures, setFigures] = useState<LiveStats | null>(null);
  // What the feed brought lately: an answer is older than what was pushed while it was under way.
  const lately = useRef<StatsEvent[]>([]);
  useEffect(() => {
    if (!data) return;
    const truth = counted(data.stats);
    lately.current = lately.current.filter(({ occurredAt }) => Date.parse(occurredAt) > truth.at - otherReplica);
    setFigures(lately.current.reduce(add, truth));
  }, [data]);
  const readFor = useRef(beginnings);
  useEffect(() => {
    const before = readFor.current;
    readFor.current = beginnings;
    if (before !== 0 && before !== beginnings) reload();
  }, [beginnings, reload]);
  useFeedEvents(({ kind, event, order }) => {
    if (kind !== 'EVENT' || !event || !order) return;
    const { id, type, occurredAt } = getFragment(EventItem, event);
    const happened = { id, type, occurredAt, order: getFragment(BoardRow, getFragment(LiveOrder, order)) };
    lately.current.push(happened);
    setFigures((now) => now && add(now, happened));
    if (figures && !fetching && outdated(figures, Date.parse(occurredAt))) reload();
  });
  useEffect(() => {
    if (!data) return;
    // Time passes on the charts also when nothing happens: the server's time, which this machine's clock may not show.
    const ahead = Date.parse(data.stats.at) - performance.now();
    const timer = setInterval(() => setFigures((now) => now && slide(now, ahead + performance.now())), 5000);
    return () => clearInterval(timer);
  }, [data]);
  return { figures, error: figures ? undefined : error, retry: reload };
}
