import { useEffect, useRef, useState } from 'react';
import type { CombinedError } from 'urql';
import { getFragment, graphql } from '../gql';
import type { StatsWindow } from '../gql/graphql';
import { useFeedEvents } from '../order/order-feed';
import { EventItem } from '../order/timeline';
import { useFeedQuery } from '../order/use-feed-query';
import { staffDocuments } from './documents';
import { BoardRow } from './order-row';
import { advance, applyEvent, fromServer, isOutdated, type LiveStats, type StatsEvent } from './stats';

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

/** How far one replica's answer may lag behind another's, in milliseconds. */
const replicaLag = 60_000;

export interface StatsState {
  readonly stats: LiveStats | null;
  readonly error: CombinedError | undefined;
  readonly retry: () => void;
}

/**
 * The figures of a time window: counted by the server when the feed starts, then kept current by the feed's events. They are
 * counted again with the first event after a step has ended. While nothing happens, nothing is requested.
 */
export function useStats(window: StatsWindow): StatsState {
  const [{ data, error, fetching }, reload] = useFeedQuery({ query: Stats, variables: { window }, requestPolicy: 'network-only' });
  const [stats, setStats] = useState<LiveStats | null>(null);
  // An answer does not have the events that were pushed while it was under way, so recent events are applied to it again.
  const recent = useRef<StatsEvent[]>([]);
  useEffect(() => {
    if (!data) return;
    const counted = fromServer(data.stats);
    recent.current = recent.current.filter(({ occurredAt }) => Date.parse(occurredAt) > counted.at - replicaLag);
    setStats(recent.current.reduce(applyEvent, counted));
  }, [data]);
  useFeedEvents(staffDocuments.feed, ({ kind, event, order }) => {
    if (kind !== 'EVENT' || !event || !order) return;
    const { id, type, occurredAt } = getFragment(EventItem, event);
    const pushed = { id, type, occurredAt, order: getFragment(BoardRow, order) };
    recent.current.push(pushed);
    setStats((now) => now && applyEvent(now, pushed));
    if (stats && !fetching && isOutdated(stats, Date.parse(occurredAt))) reload();
  });
  useEffect(() => {
    if (!data) return;
    // The charts move on although nothing happens, by the server's time: this machine's clock may be wrong.
    const offset = Date.parse(data.stats.at) - performance.now();
    const timer = setInterval(() => setStats((now) => now && advance(now, offset + performance.now())), 5000);
    return () => clearInterval(timer);
  }, [data]);
  return { stats, error: stats ? undefined : error, retry: reload };
}
