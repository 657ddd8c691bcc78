import { useState } from 'react';
import { useAction, type Outcome } from '../shared/use-action';
import { getFragment, graphql, type FragmentType } from '../gql';
import type { PaymentResolution } from '../gql/graphql';
import { keptKey } from '../shared/draft';
import { formatMoney } from '../shared/money';
import { minorUnits } from './minor-units';
import { ActionForm } from './action-form';

/** What only staff may do, beside what order/actions.tsx has. */
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
  MARK_CAPTURED: 'The money is with us',
  MARK_NOT_CAPTURED: 'The money is not with us',
};

/** Capture, void, refund and resolve: each where the server says that it is possible, each after a second look. */
export function StaffActions({ order }: { order: FragmentType<typeof StaffActionParts> }) {
  const { id, version, availableActions, payment, payments, refundable } = getFragment(StaffActionParts, order);
  const capture = useAction(Capture);
  const release = useAction(Void);
  const unsettled = payments.find(({ attention }) => attention) ?? null;
  const paymentId = payment?.id ?? '';
  return (
    <div className="staff-actions">
      {availableActions.includes('RESOLVE') && unsettled && <ResolveAction paymentId={unsettled.id} />}
      {availableActions.includes('CAPTURE') && (
        <ActionForm
          name="Capture"
          confirm="Take the money"
          what="Takes all the money that the payment holds."
          act={() => capture.act({ paymentId, expectedVersion: version })}
        />
      )}
      {availableActions.includes('VOID') && (
        <ActionForm
          name="Void"
          confirm="Let it go"
          danger
          what="Lets the payment go before its money is taken. The order can be paid again."
          act={() => release.act({ paymentId, expectedVersion: version })}
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
    // One key for one refund of one version: pressing again after a lost answer refunds once.
    const idempotencyKey = keptKey(`refund/${orderId}/${version}/${minor}`);
    return refund.act({ idempotencyKey, orderId, amountMinor: String(minor), reason: reason || null, expectedVersion: version });
  };
  return (
    <ActionForm name="Refund" confirm="Give it back" danger what="Gives money of this order back to its customer." act={possible ? act : null}>
      <label>
        Amount in {refundable.currency}
        <input name="amount" inputMode="decimal" autoComplete="off" value={text} aria-invalid={!possible} aria-describedby="refund-limit" onChange={(event) => setText(event.target.value)} />
        <small id="refund-limit" className={possible ? 'hint' : 'warn'}>
          More than nothing, and at most {formatMoney(refundable)}
        </small>
      </label>
      <label>
        Reason
        <input name="reason" maxLength={500} autoComplete="off" placeholder="optional" />
      </label>
    </ActionForm>
  );
}

function ResolveAction({ paymentId }: { paymentId: string }) {
  const resolve = useAction(Resolve);
  const [resolution, setResolution] = useState<PaymentResolution>('RECHECK');
  const act = (form: FormData) => resolve.act({ paymentId, resolution, note: String(form.get('note') ?? '').trim() });
  return (
    <ActionForm name="Resolve" confirm="Settle it" what="Settles what is not known about this payment. It is kept in the audit trail." act={act}>
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
    </ActionForm>
  );
}
