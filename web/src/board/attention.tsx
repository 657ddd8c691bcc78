import { EventItem } from '../order/timeline';
import { PaymentBadge } from '../order/status';
import { Failure } from '../shared/states';
import { getFragment, graphql } from '../gql';
import type { DisputeStatus, PaymentAttention } from '../gql/graphql';
import { LiveOrder } from '../order/documents';
import { useFeedEvents } from '../order/order-feed';
import { useFeedQuery } from '../order/use-feed-query';
import { formatMoney } from '../shared/money';
import { formatDateTime } from '../shared/time';
import { TimeLeft } from './disputes';
import { staffDocuments } from './documents';
import { OrderButton } from './order-button';
import { RecheckAll } from './recheck-all';

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
          disputes {
            id
            status
            respondBy
          }
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

/** What staff can do, where it does not follow from the words. */
export const attentionAdvice: Partial<Record<PaymentAttention, string>> = {
  DISPUTED: 'It ends when nothing is to be answered any more. Until then the order is not delivered by its timer, and a cancel waits for the decision.',
  REFUND_REVERSED: 'Refund it again here, or in another way, such as a bank transfer. Then settle the payment with Resolve.',
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
  const waiting = `${nodes.length}${data?.attention.pageInfo.hasNextPage ? '+' : ''}`;
  return (
    <section className="card attention" aria-label="Payments that need attention">
      <h2>
        {waiting} {waiting === '1' ? 'payment needs' : 'payments need'} attention
      </h2>
      <RecheckAll waiting={waiting} />
      <ul>
        {nodes.map((payment) => (
          <li key={payment.id}>
            <OrderButton id={payment.order.id} number={payment.order.number} onOpen={onOpen} />
            <span>
              {payment.attention && (attentionWords[payment.attention] ?? payment.attention)}
              {payment.attention === 'DISPUTED' && <Deadline disputes={payment.order.disputes} />}
            </span>
            <PaymentBadge status={payment.status} />
            <span className="price">{formatMoney(payment.amount)}</span>
            <time dateTime={payment.updatedAt}>{formatDateTime(payment.updatedAt)}</time>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The earliest deadline of the disputes that wait for a response. */
function Deadline({ disputes }: { disputes: readonly { status: DisputeStatus; respondBy?: string | null }[] }) {
  const deadlines = disputes.flatMap(({ status, respondBy }) => (status === 'NEEDS_RESPONSE' && respondBy ? [respondBy] : []));
  const [first] = deadlines.toSorted((a, b) => Date.parse(a) - Date.parse(b));
  return (
    first && (
      <>
        {' '}
        <TimeLeft at={first} />
      </>
    )
  );
}
