import { useEffect, useRef } from 'react';
import { useQuery } from 'urql';
import { EventItem } from '../order/timeline';
import { PaymentBadge } from '../order/status';
import { Failure } from '../shared/states';
import { getFragment, graphql } from '../gql';
import type { PaymentAttention } from '../gql/graphql';
import { LiveOrder } from '../order/documents';
import { useFeedGeneration, useFeedEvents } from '../order/order-feed';
import { useRetry } from '../shared/use-retry';
import { formatMoney } from '../shared/money';
import { formatDateTime } from '../shared/time';
import { OrderButton } from './order-button';

const Attention = graphql(`
  query Attention {
    attention(first: 50) {
      nodes {
        id
        status
        attention
        updatedAt
        amount {
          amount
          currency
        }
        order {
          id
          version
          number
        }
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`);

export const attentionWords: Record<PaymentAttention, string> = {
  UNKNOWN_OUTCOME: 'Whether the money moved is not known',
  PROVIDER_DOWN: 'The provider does not answer',
  MISMATCH: 'The provider’s books say something else',
};

/**
 * The payments that need a person, above everything else; nothing when there are none. Read when the feed begins, and again
 * when an event says that a payment needs attention, or one of those shown moves.
 */
export function AttentionList({ onOpen }: { onOpen: (orderId: string) => void }) {
  const beginnings = useFeedGeneration();
  const [{ data, error, fetching }, reload] = useQuery({ query: Attention, requestPolicy: 'network-only', pause: beginnings === 0 });
  useRetry({ error, fetching }, reload);
  const readFor = useRef(beginnings);
  useEffect(() => {
    const before = readFor.current;
    readFor.current = beginnings;
    if (before !== 0 && before !== beginnings) reload();
  }, [beginnings, reload]);
  const nodes = (data?.attention.nodes ?? []).filter(({ attention }) => attention);
  useFeedEvents(({ event, order }) => {
    if (!event || !order) return;
    const { type } = getFragment(EventItem, event);
    const { id } = getFragment(LiveOrder, order);
    if (type === 'PAYMENT_NEEDS_ATTENTION' || nodes.some((payment) => payment.order.id === id)) reload({ requestPolicy: 'network-only' });
  });
  if (error && !data) return <Failure error={error} retry={() => reload({ requestPolicy: 'network-only' })} />;
  if (nodes.length === 0) return null;
  return (
    <section className="card attention" aria-label="Needs a person">
      <h2>
        {nodes.length}
        {data?.attention.pageInfo.hasNextPage ? '+' : ''} {nodes.length === 1 ? 'payment needs' : 'payments need'} a person
      </h2>
      <ul>
        {nodes.map((payment) => (
          <li key={payment.id}>
            <OrderButton id={payment.order.id} number={payment.order.number} onOpen={onOpen} />
            <span>{payment.attention && attentionWords[payment.attention]}</span>
            <PaymentBadge status={payment.status} />
            <span className="price">{formatMoney(payment.amount)}</span>
            <time dateTime={payment.updatedAt}>{formatDateTime(payment.updatedAt)}</time>
          </li>
        ))}
      </ul>
    </section>
  );
}
