import { useEffect, useRef } from 'react';
import { graphql } from '../gql';
import { useFeedEvents } from '../order/order-feed';
import { useFeedQuery } from '../order/use-feed-query';
import { formatDateTime } from '../shared/time';
import { staffDocuments } from './documents';

const DisabledEndpoints = graphql(`
  query DisabledEndpoints {
    webhookEndpoints(first: 50) {
      nodes {
        id
        url
        disabledReason
        disabledAt
      }
    }
  }
`);

/** The shortest time between two reads, in milliseconds. */
const pause = 60_000;

/**
 * The webhook endpoints that the server disabled; nothing when there are none. The feed has no events about endpoints, and an endpoint
 * fails at events of orders: so they are read again with the first event after a pause. While nothing happens, nothing is requested.
 */
export function DisabledEndpointList() {
  const [{ data, fetching }, reload] = useFeedQuery({ query: DisabledEndpoints, variables: {}, requestPolicy: 'network-only' });
  const readAt = useRef(0);
  useEffect(() => {
    if (!fetching) readAt.current = performance.now();
  }, [fetching]);
  useFeedEvents(staffDocuments.feed, ({ event }) => {
    if (event && !fetching && performance.now() - readAt.current >= pause) reload({ requestPolicy: 'network-only' });
  });
  const disabled = (data?.webhookEndpoints.nodes ?? []).filter(({ disabledReason }) => disabledReason);
  if (disabled.length === 0) return null;
  return (
    <section className="card attention" aria-label="Webhook endpoints that were disabled">
      <h2>
        {disabled.length} {disabled.length === 1 ? 'webhook endpoint was disabled' : 'webhook endpoints were disabled'}
      </h2>
      <ul>
        {disabled.map(({ id, url, disabledReason, disabledAt }) => (
          <li key={id}>
            <span className="wrap">{url}</span>
            <span>{disabledReason}</span>
            {disabledAt && <time dateTime={disabledAt}>{formatDateTime(disabledAt)}</time>}
          </li>
        ))}
      </ul>
    </section>
  );
}
