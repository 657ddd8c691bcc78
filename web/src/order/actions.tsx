import { lazy, Suspense, useState } from 'react';
import { getFragment, graphql, type FragmentType } from '../gql';
import type { DeliveryHold, OrderAction } from '../gql/graphql';
import { idempotencyKeyFor } from '../shared/draft';
import { CompleteAction } from './complete-action';
import { Cancel } from './cancel';
import { holdWord } from './delivery-hold';
import { PaymentMethod, usePaymentMethod } from './payment-method';
import { Failure, Refusals } from '../shared/states';
import { useAction, type Outcome, type Reports } from '../shared/use-action';

const ConfirmDialog = lazy(() => import('./confirm-dialog'));

export const OrderActions = graphql(`
  fragment OrderActions on Order {
    id
    number
    availableActions
    deliveryHold
    payment {
      id
    }
  }
`);

const DeliverMutation = graphql(`
  mutation OrderDeliver($input: OrderDeliverInput!) {
    orderDeliver(input: $input) {
      order {
        id
        ...OrderWithHistory
      }
      userErrors {
        message
        code
      }
    }
  }
`);

const RetryMutation = graphql(`
  mutation PaymentRetry($input: PaymentRetryInput!) {
    paymentRetry(input: $input) {
      order {
        id
        ...OrderWithHistory
      }
      userErrors {
        message
        code
      }
    }
  }
`);

/** The actions that this shows; those of staff alone are on the board. */
const shown: readonly OrderAction[] = ['CANCEL', 'DELIVER', 'RETRY_PAYMENT', 'COMPLETE_ACTION'];

/** A button for each action that the server allows the user on the order now. */
export function Actions({ order, only }: { order: FragmentType<typeof OrderActions>; only?: readonly OrderAction[] }) {
  const { id, number, availableActions, deliveryHold, payment } = getFragment(OrderActions, order);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const may = (action: OrderAction) => availableActions.includes(action) && (only?.includes(action) ?? true);
  if (!outcome && !shown.some(may)) return null;
  const waitsForCustomer = may('COMPLETE_ACTION');
  const retry = (title: string) => <Retry key={payment?.id} title={title} orderId={id} paymentId={payment?.id ?? ''} onOutcome={setOutcome} />;
  return (
    <section className="actions" aria-label={`Actions for ${number}`}>
      {may('RETRY_PAYMENT') && !waitsForCustomer && retry('Pay again')}
      {waitsForCustomer && payment && <CompleteAction key={payment.id} paymentId={payment.id} onOutcome={setOutcome} />}
      {may('RETRY_PAYMENT') && waitsForCustomer && (
        <details className="another-way">
          <summary>Pay another way</summary>
          {retry('Pay another way')}
        </details>
      )}
      {outcome?.error && <Failure error={outcome.error} acted />}
      {outcome && <Refusals errors={outcome.refusals} />}
      <div className="actions-row">
        {may('DELIVER') && <Deliver orderId={id} number={number} hold={deliveryHold ?? null} onOutcome={setOutcome} />}
        {may('CANCEL') && <Cancel orderId={id} number={number} onOutcome={setOutcome} />}
      </div>
    </section>
  );
}

interface DeliverProps extends Reports {
  readonly orderId: string;
  readonly number: string;
  readonly hold: DeliveryHold | null;
}

/** Delivers the order, after a confirmation if something holds its delivery. */
function Deliver({ orderId, number, hold, onOutcome }: DeliverProps) {
  const [asking, setAsking] = useState(false);
  const { busy, act } = useAction(DeliverMutation);
  const deliver = () => void act({ orderId }).then(onOutcome);
  return (
    <>
      <button type="button" className={hold ? 'quiet' : ''} disabled={busy} onClick={() => (hold ? setAsking(true) : deliver())}>
        {hold ? 'Deliver all the same' : 'Deliver now'}
      </button>
      {asking && hold && (
        <Suspense>
          <ConfirmDialog title="Deliver all the same?" confirm="Yes, deliver it" keep="Do not deliver" onConfirm={deliver} onClose={() => setAsking(false)}>
            <span className="number">{number}</span>: {holdWord(hold)} This cannot be undone.
          </ConfirmDialog>
        </Suspense>
      )}
    </>
  );
}

function Retry({ title, orderId, paymentId, onOutcome }: { title: string; orderId: string; paymentId: string } & Reports) {
  const [token, setToken] = useState('');
  const { chosen } = usePaymentMethod(token);
  const { busy, act } = useAction(RetryMutation);
  const submit = async () => {
    if (!chosen) return;
    // The key belongs to this payment and this method: pressing again after a lost answer pays once.
    const idempotencyKey = idempotencyKeyFor(`retry/${paymentId}/${chosen.token}`);
    onOutcome(await act({ idempotencyKey, orderId, paymentMethod: { token: chosen.token } }));
  };
  return (
    <form
      className="card retry"
      aria-label="Try another payment"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <PaymentMethod title={title} value={token} onChange={setToken} />
      <button type="submit" disabled={busy || !chosen}>
        {title}
      </button>
    </form>
  );
}
