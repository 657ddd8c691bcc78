import { useState } from 'react';
import { useMutation } from 'urql';
import { getFragment, graphql, type FragmentType } from '../../gql';
import type { PaymentResolution } from '../../gql/graphql';
import { keptKey } from '../../shared/draft';
import { formatMoney } from '../../shared/money';
import { minorUnits } from './minor-units';
import { StaffAction, type Outcome } from './staff-action';

/** What only staff may do, beside what components/order-actions.tsx has. */
export const OrderTasks = graphql(`
  fragment OrderTasks on Order {
    id
    version
    availableActions
    refundable {
      amount
      amountMinor
      currency
    }
    payments {
      id
      status
      attention
    }
    payment {
      id
    }
  }
`);

const Capture = graphql(`
  mutation PaymentCapture($input: PaymentCaptureInput!) {
    paymentCapture(input: $input) {
      order {
        id
        ...OrderWithHistory
        ...OrderTasks
      }
      userErrors {
        message
      }
    }
  }
`);

const Void = graphql(`
  mutation PaymentVoid($input: PaymentVoidInput!) {
    paymentVoid(input: $input) {
      order {
        id
        ...OrderWithHistory
        ...OrderTasks
      }
      userErrors {
        message
      }
    }
  }
`);

const Refund = graphql(`
  mutation RefundCreate($input: RefundCreateInput!) {
    refundCreate(input: $input) {
      order {
        id
        ...OrderWithHistory
        ...OrderTasks
      }
      userErrors {
        message
      }
    }
  }
`);

const Resolve = graphql(`
  mutation PaymentResolve($input: PaymentResolveInput!) {
    paymentResolve(input: $input) {
      order {
        id
        ...OrderWithHistory
        ...OrderTasks
      }
      userErrors {
        message
      }
    }
  }
`);

const resolutions: Record<PaymentResolution, string> = {
  RECHECK: 'Ask the provider again',
  MARK_CAPTURED: 'The money is with us',
  MARK_NOT_CAPTURED: 'The money is not with us',
};

/** Capture, void, refund and resolve: each where the server says that it is possible, each after a second look. */
export function Tasks({ order }: { order: FragmentType<typeof OrderTasks> }) {
  const { id, version, availableActions, payment, payments, refundable } = getFragment(OrderTasks, order);
  const [, capture] = useMutation(Capture);
  const [, release] = useMutation(Void);
  const unsettled = payments.find(({ attention }) => attention) ?? null;
  const paymentId = payment?.id ?? '';
  return (
    <div className="tasks">
      {availableActions.includes('RESOLVE') && unsettled && <ResolveTask paymentId={unsettled.id} />}
      {availableActions.includes('CAPTURE') && (
        <StaffAction
          name="Capture"
          confirm="Take the money"
          what="Takes all the money that the payment holds."
          act={async () => {
            const { data, error } = await capture({ input: { paymentId, expectedVersion: version } });
            return { error, refusals: data?.paymentCapture.userErrors ?? [] };
          }}
        />
      )}
      {availableActions.includes('VOID') && (
        <StaffAction
          name="Void"
          confirm="Let it go"
          danger
          what="Lets the payment go before its money is taken. The order can be paid again."
          act={async () => {
            const { data, error } = await release({ input: { paymentId, expectedVersion: version } });
            return { error, refusals: data?.paymentVoid.userErrors ?? [] };
          }}
        />
      )}
      {availableActions.includes('REFUND') && <RefundTask orderId={id} version={version} refundable={refundable} />}
    </div>
  );
}

interface RefundTaskProps {
  readonly orderId: string;
  readonly version: number;
  readonly refundable: { readonly amount: string; readonly amountMinor: string; readonly currency: string };
}

function RefundTask({ orderId, version, refundable }: RefundTaskProps) {
  const [, refund] = useMutation(Refund);
  const [text, setText] = useState(refundable.amount);
  const minor = minorUnits(text, refundable.amount.split('.')[1]?.length ?? 0);
  const possible = minor !== null && minor > 0n && minor <= BigInt(refundable.amountMinor);
  const act = async (form: FormData): Promise<Outcome> => {
    const reason = String(form.get('reason') ?? '').trim();
    // One key for one refund of one version: pressing again after a lost answer refunds once.
    const idempotencyKey = keptKey(`refund/${orderId}/${version}/${minor}`);
    const { data, error } = await refund({ input: { idempotencyKey, orderId, amountMinor: String(minor), reason: reason || null, expectedVersion: version } });
    return { error, refusals: data?.refundCreate.userErrors ?? [] };
  };
  return (
    <StaffAction name="Refund" confirm="Give it back" danger what={`Gives back up to ${formatMoney(refundable)}.`} act={possible ? act : null}>
      <label>
        Amount in {refundable.currency}
        <input name="amount" inputMode="decimal" autoComplete="off" value={text} aria-invalid={!possible} onChange={(event) => setText(event.target.value)} />
      </label>
      <label>
        Reason
        <input name="reason" maxLength={500} autoComplete="off" placeholder="optional" />
      </label>
    </StaffAction>
  );
}

function ResolveTask({ paymentId }: { paymentId: string }) {
  const [, resolve] = useMutation(Resolve);
  const [resolution, setResolution] = useState<PaymentResolution>('RECHECK');
  const act = async (form: FormData): Promise<Outcome> => {
    const { data, error } = await resolve({ input: { paymentId, resolution, note: String(form.get('note') ?? '').trim() } });
    return { error, refusals: data?.paymentResolve.userErrors ?? [] };
  };
  return (
    <StaffAction name="Resolve" confirm="Settle it" what="Settles what is not known about this payment. It is kept in the audit trail." act={act}>
      <fieldset>
        <legend>What is so?</legend>
        {(Object.keys(resolutions) as PaymentResolution[]).map((value) => (
          <label key={value} className="choice">
            <input type="radio" name="resolution" value={value} checked={resolution === value} onChange={() => setResolution(value)} />
            {resolutions[value]}
          </label>
        ))}
      </fieldset>
      <label>
        How you know
        <input name="note" maxLength={500} autoComplete="off" required={resolution !== 'RECHECK'} />
      </label>
    </StaffAction>
  );
}
