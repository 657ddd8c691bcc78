import { Close, Content, Portal, Root, Title } from '@radix-ui/react-dialog';
import { useEffect, useRef, useState } from 'react';
import { Link } from 'react-router';
import { useQuery } from 'urql';
import { Actions } from '../order/actions';
import { Summary } from '../order/summary';
import { Failure, isMalformed, Loading } from '../shared/states';
import { OrderBadge, PaymentBadge } from '../order/status';
import { holdWord } from '../order/delivery-hold';
import { OrderPayment } from '../order/stepper';
import { EventItem, Timeline } from '../order/timeline';
import { formatDeadline } from '../shared/time';
import { formatMoney } from '../shared/money';
import { getFragment, graphql } from '../gql';
import type { BoardOrderQuery, OrderPaymentFragment } from '../gql/graphql';
import { LiveOrder, OrderWithHistory } from '../order/documents';
import { attentionAdvice, attentionWords } from './attention';
import { Disputes } from './disputes';
import { StaffActions } from './staff-actions';

const BoardOrder = graphql(`
  query BoardOrder($id: ID!) {
    order(id: $id) {
      id
      version
      number
      status
      customerId
      ...OrderWithHistory
      ...StaffActionParts
      disputes {
        id
        ...DisputeRow
      }
      payments {
        id
        status
        attention
        provider
        providerReference
        amount {
          amount
          currency
        }
        captured {
          amount
          amountMinor
          currency
        }
        capturable {
          amount
          amountMinor
          currency
        }
        attempts {
          id
          operation
          outcome
          calls
          message
          startedAt
        }
      }
    }
  }
`);

/** One order in full for staff, in a drawer beside the board: its actions, payments with attempts, items and history. */
export default function OrderDrawer({ id, onClose }: { id: string; onClose: () => void }) {
  // Radix returns the focus to its own trigger, and there is none here.
  const [opener] = useState(() => document.activeElement);
  const returnFocus = (event: Event) => {
    event.preventDefault();
    if (opener instanceof HTMLElement) opener.focus();
  };
  return (
    <Root defaultOpen onOpenChange={(open) => !open && onClose()}>
      <Portal>
        <div className="backdrop" />
        <Content className="drawer" aria-describedby={undefined} onCloseAutoFocus={returnFocus}>
          <Inside id={id} />
          <Close className="quiet drawer-close" aria-label="Close">
            ×
          </Close>
        </Content>
      </Portal>
    </Root>
  );
}

function Inside({ id }: { id: string }) {
  const [{ data, fetching, stale, error }, reload] = useQuery({ query: BoardOrder, variables: { id }, requestPolicy: 'cache-and-network' });
  const order = data?.order;
  const whole = order ? getFragment(OrderWithHistory, order) : null;
  const version = whole ? getFragment(LiveOrder, whole).version : 0;
  // The feed does not carry attempts: they are read again for each new version.
  const readAt = useRef(0);
  useEffect(() => {
    if (version === 0 || fetching || stale || version <= readAt.current) return;
    const first = readAt.current === 0;
    readAt.current = version;
    if (!first) reload({ requestPolicy: 'network-only' });
  }, [version, fetching, stale, reload, readAt]);
  if (!order || !whole) {
    return (
      <>
        <Title>Order</Title>
        {error && !isMalformed(error) && <Failure error={error} retry={() => reload({ requestPolicy: 'network-only' })} />}
        {(!error || isMalformed(error)) && (fetching ? <Loading what="the order" /> : <p>Order not found.</p>)}
      </>
    );
  }
  const progress = getFragment(OrderPayment, getFragment(LiveOrder, whole));
  return (
    <div className="stack" data-drawer={id}>
      <div className="drawer-head">
        <Title>{order.number}</Title>
        <OrderBadge status={order.status} />
      </div>
      <p className="hint">
        Customer …{order.customerId.slice(-6)} · version {order.version} · <Link to={`/order/${id}`}>Order page</Link>
      </p>
      {order.status === 'CONFIRMED' && (
        <p className="hint" data-hold={progress.deliveryHold ?? ''}>
          {deliveryWords(progress)}
        </p>
      )}
      <div className="drawer-actions">
        <Actions order={getFragment(LiveOrder, whole)} />
        <StaffActions order={order} />
      </div>
      <Disputes disputes={order.disputes} />
      <Payments payments={order.payments} />
      <Summary order={getFragment(LiveOrder, whole)} />
      <section aria-label="History">
        <h2>History</h2>
        <Timeline events={whole.events.nodes} />
        {whole.events.pageInfo.hasNextPage && <p className="hint">Only the first {getFragment(EventItem, whole.events.nodes).length} events are shown here.</p>}
      </section>
    </div>
  );
}

function deliveryWords({ deliversAt, deliveryHold }: Pick<OrderPaymentFragment, 'deliversAt' | 'deliveryHold'>): string {
  if (deliversAt) return `Is marked as delivered around ${formatDeadline(deliversAt)}.`;
  if (deliveryHold) return `Is not delivered by its timer. ${holdWord(deliveryHold)} You can deliver it all the same.`;
  return 'Waits to be sent. No timer runs: press Deliver now when you have sent it.';
}

type Loaded = NonNullable<BoardOrderQuery['order']>;

function Payments({ payments }: { payments: Loaded['payments'] }) {
  return (
    <section aria-label="Payments">
      <h2>Payments</h2>
      {payments.map((payment) => (
        <div key={payment.id} className="drawer-payment">
          <p>
            <PaymentBadge status={payment.status} /> {payment.provider}
            {payment.providerReference && <code> {payment.providerReference}</code>}
          </p>
          <p className="hint">
            {formatMoney(payment.captured)} of {formatMoney(payment.amount)} captured
            {payment.capturable.amountMinor !== '0' && `, ${formatMoney(payment.capturable)} can be captured`}
          </p>
          {payment.attention && <p className="warn">{attentionWords[payment.attention] ?? payment.attention}</p>}
          {payment.attention && attentionAdvice[payment.attention] && <p className="hint">{attentionAdvice[payment.attention]}</p>}
          <ul>
            {payment.attempts.map((attempt) => (
              <li key={attempt.id}>
                <b>{attempt.operation.toLowerCase()}</b> {attempt.outcome?.toLowerCase() ?? 'in progress'} · {attempt.calls} {attempt.calls === 1 ? 'call' : 'calls'}
                {attempt.message && <small> {attempt.message}</small>}
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}
