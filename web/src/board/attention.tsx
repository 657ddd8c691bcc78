import { EventItem } from '../order/timeline';
import { PaymentBadge } from '../order/status';
import { Failure } from '../shared/states';
import { getFragment, graphql } from '../gql';
import type { PaymentAttention } from '../gql/graphql';
import { LiveOrder } from '../order/documents';
import { useFeedEvents } from '../order/order-feed';
import { useFeedQuery } from '../order/use-feed-query';
import { formatMoney } from '../shared/money';
import { formatDateTime } from '../shared/time';
import { staffDocuments } from './documents';
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
  UNKNOWN_OUTCOME: 'It is not known whether the customer was charged',
  PROVIDER_DOWN: 'The provider keeps refusing a void or a refund, or is not configured on this server',
  MISMATCH: 'The provider’s records differ from ours',
  DISPUTED: 'The charge is disputed: respond in the provider’s dashboard',
  REFUND_REVERSED: 'A refund came back: the customer did not get the money',
};

/**
 * The payments that staff need to look at; nothing when there are none. Read again when an event says
 * that a payment needs attention, or changes one that is shown.
 */
export function AttentionList({ onOpen }: { onOpen: (orderId: string) => void }) {
  const [{ data, error }, reload] = useFeedQuery({ query: Attention, variables: {}, requestPolicy: 'network-only' });
  const nodes = (data?.attention.nodes ?? []).filter(({ attention }) => attention);
  useFeedEvents(staffDocuments.feed, ({ event, order }) => {
    if (!event || !order) return;
    const { type } = getFragment(EventItem, event);
    const { id } = getFragment(LiveOrder, order);
    if (type === 'PAYMENT_NEEDS_ATTENTION' || nodes.some((payment) => payment.order.id === id)) reload({ requestPolicy: 'network-only' });
  });
  if (error && !data) return <Failure error={error} retry={() => reload({ requestPolicy: 'network-only' })} />;
  if (nodes.length === 0) return null;
  return (
    <section className="card attention" aria-label="Payments that need attention">
      <h2>
        {nodes.length}
        {data?.attention.pageInfo.hasNextPage ? '+' : ''} {nodes.length === 1 ? 'payment needs' : 'payments need'} attention
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
