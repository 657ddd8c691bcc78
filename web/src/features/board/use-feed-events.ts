import { useEffect, useRef } from 'react';
import { useClient } from 'urql';
import { pipe, subscribe } from 'wonka';
import type { OrderFeedSubscription as FeedItem } from '../../gql/graphql';
import { OrderFeedSubscription } from '../../live/documents';

/**
 * Hands on each item of the feed that the app watches already (live/order-feed.tsx): the client shares one subscription
 * among all who ask for the same, so this costs no further one. The last item may be given again to who comes later.
 */
export function useFeedEvents(onItem: (item: FeedItem['orderFeed']) => void): void {
  const client = useClient();
  const handler = useRef(onItem);
  useEffect(() => {
    handler.current = onItem;
  });
  useEffect(() => {
    const { unsubscribe } = pipe(
      client.subscription(OrderFeedSubscription, {}),
      subscribe(({ data }) => {
        if (data) handler.current(data.orderFeed);
      }),
    );
    return unsubscribe;
  }, [client]);
}
