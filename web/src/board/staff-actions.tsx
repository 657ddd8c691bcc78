import { useState } from 'react';
import { useAction } from '../shared/use-action';
import { getFragment, graphql, type FragmentType } from '../gql';
import type { PaymentAttention, PaymentResolution } from '../gql/graphql';
import { ActionForm } from './action-form';
import { CaptureAction } from './capture';
import { RefundAction } from './refund';

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
    lines {
      position
      name
      quantity
      refundedQuantity
      unitPrice {
        amount
        amountMinor
        currency
      }
    }
    payments {
      id
      status
      attention
    }
    payment {
      id
      capturesInParts
      captured {
        amountMinor
      }
      capturable {
        amount
        amountMinor
        currency
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
  const { id, version, availableActions, payment, payments, refundable, lines } = getFragment(StaffActionParts, order);
  const voidPayment = useAction(Void);
  const needsAttention = payments.find(({ attention }) => attention) ?? null;
  const paymentId = payment?.id ?? '';
  return (
    <div className="staff-actions">
      {availableActions.includes('RESOLVE') && needsAttention?.attention && <ResolveAction paymentId={needsAttention.id} attention={needsAttention.attention} />}
      {availableActions.includes('CAPTURE') && payment && <CaptureAction version={version} payment={payment} />}
      {availableActions.includes('VOID') && (
        <ActionForm
          name="Void"
          confirm="Void authorization"
          danger
          what={
            payment && payment.captured.amountMinor !== '0'
              ? 'Releases the rest of the authorization. The order is confirmed with the part that was captured.'
              : 'Voids the payment before its money is captured. The order can be paid again.'
          }
          act={() => voidPayment.act({ paymentId, expectedVersion: version })}
        />
      )}
      {availableActions.includes('REFUND') && <RefundAction orderId={id} version={version} refundable={refundable} lines={lines} />}
    </div>
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
