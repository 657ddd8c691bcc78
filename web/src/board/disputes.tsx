import { useEffect, useState } from 'react';
import { getFragment, graphql, type FragmentType } from '../gql';
import type { DisputeStatus } from '../gql/graphql';
import { formatMoney } from '../shared/money';
import { formatDateTime, timeLeft } from '../shared/time';

export const DisputeRow = graphql(`
  fragment DisputeRow on Dispute {
    id
    status
    reason
    respondBy
    createdAt
    amount {
      amount
      currency
    }
  }
`);

interface Words {
  readonly word: string;
  readonly tone: 'active' | 'good' | 'bad';
  /** What it means for the money, and what staff can do. */
  readonly advice: string;
}

const words: Record<DisputeStatus, Words> = {
  WARNING: { word: 'Warning', tone: 'active', advice: 'No money has moved. A refund now can avoid the dispute.' },
  NEEDS_RESPONSE: { word: 'Needs a response', tone: 'bad', advice: 'The money is withdrawn. Send evidence in the provider’s dashboard before the deadline, or accept the dispute there.' },
  UNDER_REVIEW: { word: 'Under review', tone: 'active', advice: 'The money is withdrawn. The bank decides.' },
  WON: { word: 'Won', tone: 'good', advice: 'The money is yours.' },
  LOST: { word: 'Lost', tone: 'bad', advice: 'The money went back to the customer.' },
};

/** The disputes of an order: amount, state, the provider's reason, and what staff can do. */
export function Disputes({ disputes }: { disputes: readonly FragmentType<typeof DisputeRow>[] }) {
  if (disputes.length === 0) return null;
  return (
    <section aria-label="Disputes">
      <h2>Disputes</h2>
      {getFragment(DisputeRow, disputes).map(({ id, status, reason, respondBy, createdAt, amount }) => {
        const { word, tone, advice } = words[status] ?? { word: status, tone: 'active', advice: '' };
        return (
          <div key={id} className="drawer-payment" data-dispute={status}>
            <p>
              <span className={`badge badge-${tone}`}>{word}</span> <span className="price">{formatMoney(amount)}</span>
              {reason && ` · ${reason.replaceAll('_', ' ')}`} · since {formatDateTime(createdAt)}
            </p>
            {respondBy && (status === 'NEEDS_RESPONSE' || status === 'WARNING') && (
              <p className="warn">
                Respond <TimeLeft at={respondBy} />
              </p>
            )}
            {advice && <p className="hint">{advice}</p>}
          </div>
        );
      })}
    </section>
  );
}

/** Until when a dispute has to be answered, and how long that is. It counts by the reader's clock and requests nothing. */
export function TimeLeft({ at }: { at: string }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <small className="time-left">
      by <time dateTime={at}>{formatDateTime(at)}</time>, {timeLeft(at, now)}
    </small>
  );
}
