import { useState } from 'react';
import { useAction, type Outcome } from '../shared/use-action';
import { graphql } from '../gql';
import { idempotencyKeyFor } from '../shared/draft';
import { formatMoney, previewTotal, type MoneyValue } from '../shared/money';
import { minorUnits } from './minor-units';
import { ActionForm } from './action-form';

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

interface Line {
  readonly position: number;
  readonly name: string;
  readonly quantity: number;
  readonly refundedQuantity: number;
  readonly unitPrice: MoneyValue;
}

interface RefundActionProps {
  readonly orderId: string;
  readonly version: number;
  readonly refundable: MoneyValue;
  readonly lines: readonly Line[];
}

/** Refunds an amount, or quantities of the order's lines, whose sum it shows. */
export function RefundAction({ orderId, version, refundable, lines }: RefundActionProps) {
  const refund = useAction(Refund);
  const [byLine, setByLine] = useState(false);
  const [typed, setTyped] = useState<string | null>(null); // null: what can be refunded now
  const text = typed ?? refundable.amount;
  const [chosen, setChosen] = useState<ReadonlyMap<number, number>>(new Map());
  const picked = lines.map((line) => ({ position: line.position, price: line.unitPrice, quantity: chosen.get(line.position) ?? 0 })).filter(({ quantity }) => quantity > 0);
  const sum = previewTotal(picked);
  const minor = byLine ? BigInt(sum?.amountMinor ?? 0) : minorUnits(text, refundable.amount.split('.')[1]?.length ?? 0);
  const fits = byLine ? lines.every(({ position, quantity, refundedQuantity }) => isQuantity(chosen.get(position) ?? 0, quantity - refundedQuantity)) : true;
  const possible = minor !== null && minor > 0n && minor <= BigInt(refundable.amountMinor) && fits;
  const act = async (form: FormData): Promise<Outcome> => {
    const reason = String(form.get('reason') ?? '').trim();
    const items = picked.map(({ position, quantity }) => ({ position, quantity }));
    const what = byLine ? items.map(({ position, quantity }) => `${position}x${quantity}`).join() : String(minor);
    // The key belongs to one refund at one version: pressing again after a lost answer refunds once.
    const idempotencyKey = idempotencyKeyFor(`refund/${orderId}/${version}/${what}`);
    const of = byLine ? { lines: items } : { amountMinor: String(minor) };
    const outcome = await refund.act({ idempotencyKey, orderId, ...of, reason: reason || null, expectedVersion: version });
    if (!outcome.error && outcome.refusals.length === 0) {
      setTyped(null);
      setChosen(new Map());
    }
    return outcome;
  };
  return (
    <ActionForm name="Refund" confirm="Refund" danger what="Refunds the customer, in part or in full." act={possible ? act : null}>
      <fieldset>
        <legend>What to refund</legend>
        <label className="choice">
          <input type="radio" name="what" checked={!byLine} onChange={() => setByLine(false)} />
          An amount
        </label>
        <label className="choice">
          <input type="radio" name="what" checked={byLine} onChange={() => setByLine(true)} />
          Items
        </label>
      </fieldset>
      {byLine ? (
        <>
          {lines.map(({ position, name, quantity, refundedQuantity, unitPrice }) => (
            <label key={position}>
              {name}, {formatMoney(unitPrice)} each
              <input
                name={`line-${position}`}
                type="number"
                min={0}
                max={quantity - refundedQuantity}
                disabled={refundedQuantity >= quantity}
                value={chosen.get(position) ?? 0}
                onChange={(event) => setChosen(new Map(chosen).set(position, event.target.valueAsNumber || 0))}
              />
              <small className="hint">
                {quantity - refundedQuantity} of {quantity} can be refunded
              </small>
            </label>
          ))}
          <p role="status" className={possible || picked.length === 0 ? 'hint' : 'warn'}>
            {sum ? `Refunds ${formatMoney(sum)}. At most ${formatMoney(refundable)} can be refunded.` : 'Choose how many of each item to refund'}
          </p>
        </>
      ) : (
        <label>
          Amount in {refundable.currency}
          <input name="amount" inputMode="decimal" autoComplete="off" value={text} aria-invalid={!possible} aria-describedby="refund-limit" onChange={(event) => setTyped(event.target.value)} />
          <small id="refund-limit" className={possible ? 'hint' : 'warn'}>
            More than zero, at most {formatMoney(refundable)}
          </small>
        </label>
      )}
      <label>
        Reason
        <input name="reason" maxLength={500} autoComplete="off" placeholder="optional" />
      </label>
    </ActionForm>
  );
}

function isQuantity(n: number, most: number): boolean {
  return Number.isInteger(n) && n >= 0 && n <= most;
}
