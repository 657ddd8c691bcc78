import { useState } from 'react';
import { useAction, type Outcome } from '../shared/use-action';
import { getFragment, graphql, type FragmentType } from '../gql';
import type { PaymentAttention, PaymentResolution } from '../gql/graphql';
import { idempotencyKeyFor } from '../shared/draft';
import { formatMoney } from '../shared/money';
import { minorUnits } from './minor-units';
import { ActionForm } from './action-form';

/** The actions of staff alone. order/actions.tsx has the others. */
export const StaffActionParts = graphql(`
  fragment StaffActionParts on Order {
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
        ...StaffActionParts
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
        ...StaffActionParts
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
        ...StaffActionParts
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
        ...StaffActionParts
      }
      userErrors {
        message
      }
    }
  }
`);

const resolutions: Record<PaymentResolution, string> = {
  RECHECK: 'Ask the provider again',
  MARK_CAPTURED: 'The payment was captured',
  MARK_NOT_CAPTURED: 'The payment was not captured',
};

/** Capture, void, refund and resolve: each while the server allows it, and each after a confirmation. */
export function StaffActions({ order }: { order: FragmentType<typeof StaffActionParts> }) {
  const { id, version, availableActions, payment, payments, refundable } = getFragment(StaffActionParts, order);
  const capture = useAction(Capture);
  const voidPayment = useAction(Void);
  const needsAttention = payments.find(({ attention }) => attention) ?? null;
  const paymentId = payment?.id ?? '';
  return (
    <div className="staff-actions">
      {availableActions.includes('RESOLVE') && needsAttention?.attention && <ResolveAction paymentId={needsAttention.id} attention={needsAttention.attention} />}
      {availableActions.includes('CAPTURE') && (
        <ActionForm
          name="Capture"
          confirm="Capture payment"
          what="Captures the whole authorized amount."
          act={() => capture.act({ paymentId, expectedVersion: version })}
        />
      )}
      {availableActions.includes('VOID') && (
        <ActionForm
          name="Void"
          confirm="Void authorization"
          danger
          what="Voids the payment before its money is captured. The order can be paid again."
          act={() => voidPayment.act({ paymentId, expectedVersion: version })}
        />
      )}
      {availableActions.includes('REFUND') && <RefundAction orderId={id} version={version} refundable={refundable} />}
    </div>
  );
}

interface RefundActionProps {
  readonly orderId: string;
  readonly version: number;
  readonly refundable: { readonly amount: string; readonly amountMinor: string; readonly currency: string };
}

function RefundAction({ orderId, version, refundable }: RefundActionProps) {
  const refund = useAction(Refund);
  const [text, setText] = useState(refundable.amount);
  const minor = minorUnits(text, refundable.amount.split('.')[1]?.length ?? 0);
  const possible = minor !== null && minor > 0n && minor <= BigInt(refundable.amountMinor);
  const act = (form: FormData): Promise<Outcome> => {
    const reason = String(form.get('reason') ?? '').trim();
    // The key belongs to one refund at one version: pressing again after a lost answer refunds once.
    const idempotencyKey = idempotencyKeyFor(`refund/${orderId}/${version}/${minor}`);
    return refund.act({ idempotencyKey, orderId, amountMinor: String(minor), reason: reason || null, expectedVersion: version });
  };
  return (
    <ActionForm name="Refund" confirm="Refund" danger what="Refunds the customer, in part or in full." act={possible ? act : null}>
      <label>
        Amount in {refundable.currency}
        <input name="amount" inputMode="decimal" autoComplete="off" value={text} aria-invalid={!possible} aria-describedby="refund-limit" onChange={(event) => setText(event.target.value)} />
        <small id="refund-limit" className={possible ? 'hint' : 'warn'}>
          More than zero, at most {formatMoney(refundable)}
        </small>
      </label>
      <label>
        Reason
        <input name="reason" maxLength={500} autoComplete="off" placeholder="optional" />
      </label>
    </ActionForm>
  );
}

/** The resolutions that can settle a payment for its reason. A dispute ends at the provider; a refund that came back leaves the charge as it is. */
const resolutionsOf = (attention: PaymentAttention): Partial<Record<PaymentResolution, string>> => {
  if (attention === 'DISPUTED') return { RECHECK: resolutions.RECHECK };
  if (attention === 'REFUND_REVERSED') return { RECHECK: resolutions.RECHECK, MARK_CAPTURED: 'The customer was refunded, or gets no refund' };
  return resolutions;
};

function ResolveAction({ paymentId, attention }: { paymentId: string; attention: PaymentAttention }) {
  const choices = resolutionsOf(attention);
  const resolve = useAction(Resolve);
  const [resolution, setResolution] = useState<PaymentResolution>('RECHECK');
  const act = (form: FormData) => resolve.act({ paymentId, resolution, note: String(form.get('note') ?? '').trim() });
  return (
    <ActionForm name="Resolve" confirm="Settle payment" what="Settles a payment whose outcome is not clear. The audit trail records it." act={act}>
      <fieldset>
        <legend>Outcome of the payment</legend>
        {(Object.keys(choices) as PaymentResolution[]).map((value) => (
          <label key={value} className="choice">
            <input type="radio" name="resolution" value={value} checked={resolution === value} onChange={() => setResolution(value)} />
            {choices[value]}
          </label>
        ))}
      </fieldset>
      <label>
        Evidence
        <input name="note" maxLength={500} autoComplete="off" required={resolution !== 'RECHECK'} />
      </label>
    </ActionForm>
  );
}
