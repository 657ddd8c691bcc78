import { createContext, use, useEffect, useReducer, type ReactNode } from 'react';
import { useClient } from 'urql';
import { pipe, subscribe } from 'wonka';
import { useSession } from '../shared/context';
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
    // Not useSubscription: no item may be skipped by batched rendering, and nothing is rendered here anyway.
    const { unsubscribe } = pipe(
      client.subscription(OrderFeedSubscription, {}),
      subscribe(({ data }) => {
        const kind = data?.orderFeed.kind;
        if (kind === 'SNAPSHOT' || kind === 'RESET') began();
      }),
    );
    return unsubscribe;
  }, [client, signedIn]);
  return <FeedContext value={beginnings}>{children}</FeedContext>;
}

/**
 * How often the feed has begun anew; 0 before it has begun. A list read after the feed's beginning misses nothing, so it
 * is read once for each number, and again only when the server had to say RESET.
 */
export const useFeedBeginnings = (): number => use(FeedContext);
