import { createContext, use, useEffect, useReducer, type ReactNode } from 'react';
import { useClient } from 'urql';
import { pipe, subscribe } from 'wonka';
import { useSession } from '../shared/context';
import { retryDelay } from '../shared/socket';
import { OrderFeedSubscription } from './documents';

const FeedContext = createContext(0);

/**
 * Watches all of the user's orders for as long as they are signed in: each push goes through the cache into whatever page shows
 * it. Anonymous visitors have no feed and open no socket.
 */
export function OrderFeed({ children }: { children: ReactNode }) {
  const { session } = useSession();
  const [beginnings, began] = useReducer((count: number) => count + 1, 0);
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
            // The socket comes back by itself, but what the server refuses, as in an outage, it forgets. Lists are read meanwhile.
            stop(); // or the same subscription would be found again
            if (refusals === 0) began();
            const timer = setTimeout(watch, retryDelay(refusals++));
            stop = () => clearTimeout(timer);
            return;
          }
          refusals = 0;
          const kind = data?.orderFeed.kind;
          if (kind === 'SNAPSHOT' || kind === 'RESET') began();
        }),
      );
      stop = unsubscribe;
    };
    watch();
    return () => stop();
  }, [client, signedIn]);
  return <FeedContext value={beginnings}>{children}</FeedContext>;
}

/**
 * How often the feed has begun anew, or was refused; 0 before that. A list read after the feed's beginning misses nothing, so it
 * is read once for each number, and again only when the server had to say RESET.
 */
export const useFeedBeginnings = (): number => use(FeedContext);
