import { createContext, use, useEffect, useReducer, useRef, useState, type ReactNode } from 'react';
import { useClient } from 'urql';
import { pipe, subscribe } from 'wonka';
import type { OrderFeedSubscription as Pushed } from '../gql/graphql';
import { useSession } from '../shared/context';
import { retryDelay } from '../shared/socket';
import { OrderFeedSubscription } from './documents';

type FeedItem = Pushed['orderFeed'];
type Listeners = Set<(item: FeedItem) => void>;

const GenerationContext = createContext(0);
const ListenersContext = createContext<Listeners>(new Set());

/**
 * Watches all of the user's orders for as long as they are signed in: each push goes through the cache into whatever page shows
 * it. Anonymous visitors have no feed and open no socket.
 *
 * Nothing else may subscribe to the feed: urql shares one operation among all subscribers, and a refused operation is sent again
 * only after the last of them has left. Use useFeedEvents instead.
 */
export function OrderFeed({ children }: { children: ReactNode }) {
  const { session } = useSession();
  const [beginnings, began] = useReducer((count: number) => count + 1, 0);
  const [listeners] = useState<Listeners>(() => new Set());
  const client = useClient();
  const signedIn = session !== null;
  useEffect(() => {
    if (!signedIn) return;
    let stop = () => {};
    let refusals = 0;
    const watch = () => {
      // Not useSubscription: no item may be skipped by batched rendering, and nothing is rendered here anyway.
      const { unsubscribe } = pipe(
        client.subscription(OrderFeedSubscription, {}),
        subscribe(({ data, error }) => {
          if (error) {
            // The socket reconnects by itself, but an operation that the server refused, as in an outage, is gone. Each refusal
            // reads the lists, so they are never older than the longest delay between two attempts.
            stop(); // or the same operation would be found again
            began();
            const timer = setTimeout(watch, retryDelay(refusals++));
            stop = () => clearTimeout(timer);
            return;
          }
          if (!data) return;
          refusals = 0;
          const item = data.orderFeed;
          if (item.kind === 'SNAPSHOT' || item.kind === 'RESET') began();
          for (const listener of listeners) listener(item);
        }),
      );
      stop = unsubscribe;
    };
    watch();
    return () => stop();
  }, [client, listeners, signedIn]);
  return (
    <ListenersContext value={listeners}>
      <GenerationContext value={beginnings}>{children}</GenerationContext>
    </ListenersContext>
  );
}

/**
 * How often the feed has begun anew, or was refused; 0 before that. A list read after the feed's beginning misses nothing, so it
 * is read once for each number, and again only when the server had to say RESET or refused the feed.
 */
export const useFeedGeneration = (): number => use(GenerationContext);

/** Calls `onItem` with each item that the feed brings from now on. */
export function useFeedEvents(onItem: (item: FeedItem) => void): void {
  const listeners = use(ListenersContext);
  const handler = useRef(onItem);
  useEffect(() => {
    handler.current = onItem;
  });
  useEffect(() => {
    const listener = (item: FeedItem) => handler.current(item);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, [listeners]);
}
