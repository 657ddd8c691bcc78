import { useState } from 'react';
import { useAction } from '../shared/use-action';
import { graphql } from '../gql';
import { formatMoney, type MoneyValue } from '../shared/money';
import { minorUnits } from './minor-units';
import { ActionForm } from './action-form';

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

interface CaptureActionProps {
  readonly version: number;
  readonly payment: { readonly id: string; readonly capturable: MoneyValue; readonly capturesInParts: boolean };
}

/** Captures what is authorized, or a part of it. A larger amount is for the server to refuse: some providers allow a little more. */
export function CaptureAction({ version, payment: { id, capturable, capturesInParts } }: CaptureActionProps) {
  const capture = useAction(Capture);
  const [typed, setTyped] = useState<string | null>(null); // null: what can be captured now
  const text = typed ?? capturable.amount;
  const minor = minorUnits(text, capturable.amount.split('.')[1]?.length ?? 0);
  const all = minor === BigInt(capturable.amountMinor);
  const rest = capturesInParts ? 'The rest stays authorized.' : 'The provider captures once: the rest is released.';
  const tooMuch = minor !== null && minor > BigInt(capturable.amountMinor);
  const part = minor !== null && minor > 0n && minor < BigInt(capturable.amountMinor);
  const act = async () => {
    const outcome = await capture.act({ paymentId: id, expectedVersion: version, ...(all ? {} : { amountMinor: String(minor) }) });
    if (!outcome.error && outcome.refusals.length === 0) setTyped(null);
    return outcome;
  };
  return (
    <ActionForm name="Capture" confirm="Capture payment" what="Captures the authorized amount, or a part of it." act={minor !== null && minor > 0n ? act : null}>
      <label>
        Amount in {capturable.currency}
        <input name="amount" inputMode="decimal" autoComplete="off" value={text} aria-invalid={!minor} aria-describedby="capture-rest" onChange={(event) => setTyped(event.target.value)} />
        <small id="capture-rest" className={!minor || tooMuch ? 'warn' : 'hint'}>
          {part ? rest : tooMuch ? `Only ${formatMoney(capturable)} is authorized: the provider may refuse more.` : `${formatMoney(capturable)} can be captured`}
        </small>
      </label>
    </ActionForm>
  );
}
