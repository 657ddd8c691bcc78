import { createContext, use, useEffect, useReducer, useRef, useState, type ReactNode } from 'react';
import { useClient, type TypedDocumentNode } from 'urql';
import { pipe, subscribe } from 'wonka';
import type { OrderFeedSubscription, OrderFeedSubscriptionVariables } from '../gql/graphql';
import { useSession } from '../shared/context';
import { retryDelay } from '../shared/socket';
import { customerDocuments, type OrderDocuments } from './documents';

type FeedItem = OrderFeedSubscription['orderFeed'];
type Listeners = Set<(item: FeedItem) => void>;

const GenerationContext = createContext(0);
const ListenersContext = createContext<Listeners>(new Set());
const DocumentsContext = createContext(customerDocuments);

/**
 * Subscribes to all of the user's orders for as long as they are signed in. Each push goes through the cache into the pages
 * that show the order. Anonymous visitors have no feed and open no socket.
 *
 * All pages of one user read orders with the same `documents`: the cache merges the pages of a list whichever component
 * loaded them, and it cannot show a list in which some orders lack a field.
 *
 * Nothing else may subscribe to the feed: urql shares one operation among all subscribers, and sends a refused operation again
 * only after the last of them has left. Use useFeedEvents instead.
 */
export function OrderFeed({ documents, children }: { documents: OrderDocuments; children: ReactNode }) {
  const { session } = useSession();
  const [generation, startGeneration] = useReducer((count: number) => count + 1, 0);
  const [listeners] = useState<Listeners>(() => new Set());
  const client = useClient();
  const signedIn = session !== null;
  const { feed } = documents;
  useEffect(() => {
    if (!signedIn) return;
    let stop = () => {};
    let refusals = 0;
    const watch = () => {
      // Not useSubscription: batched rendering could skip an item, and nothing is rendered here.
      const { unsubscribe } = pipe(
        client.subscription(feed, {}),
        subscribe(({ data, error }) => {
          if (error) {
            // The socket reconnects by itself, but an operation that the server refused, as in an outage, has ended. Each
            // refusal reads the lists, so they are never older than the longest delay between two attempts.
            stop(); // otherwise urql would return the same ended operation
            startGeneration();
            const timer = setTimeout(watch, retryDelay(refusals++));
            stop = () => clearTimeout(timer);
            return;
          }
          if (!data) return;
          refusals = 0;
          const item = data.orderFeed;
          if (item.kind === 'SNAPSHOT' || item.kind === 'RESET') startGeneration();
          for (const listener of listeners) listener(item);
        }),
      );
      stop = unsubscribe;
    };
    watch();
    return () => stop();
  }, [client, feed, listeners, signedIn]);
  return (
    <DocumentsContext value={documents}>
      <ListenersContext value={listeners}>
        <GenerationContext value={generation}>{children}</GenerationContext>
      </ListenersContext>
    </DocumentsContext>
  );
}

/** The documents with which this user reads orders. */
export const useOrderDocuments = (): OrderDocuments => use(DocumentsContext);

/**
 * How often the feed has started or was refused; 0 before the first time. A list that is read after the feed's start misses
 * nothing, so it is read once for each number: again only after a RESET or a refusal.
 */
export const useFeedGeneration = (): number => use(GenerationContext);

/** Calls `onItem` with each item that the feed brings from now on. `feed` must be the feed of this user's documents. */
export function useFeedEvents<Data extends OrderFeedSubscription>(feed: TypedDocumentNode<Data, OrderFeedSubscriptionVariables>, onItem: (item: Data['orderFeed']) => void): void {
  const listeners = use(ListenersContext);
  if (useOrderDocuments().feed !== feed) throw new Error('useFeedEvents was called with the feed of another role');
  const handler = useRef(onItem as (item: FeedItem) => void);
  useEffect(() => {
    handler.current = onItem as (item: FeedItem) => void;
  });
  useEffect(() => {
    const listener = (item: FeedItem) => handler.current(item);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, [listeners]);
}
