import { useMutation, useQuery } from 'urql';
import { graphql } from '../gql';
import type { SimulatedActionOutcome } from '../gql/graphql';
import { formatClock } from '../shared/time';
import type { Outcome } from './order-actions';
import { Failure } from './states';

// Pushes never carry it: it may hold a secret of this moment. So it is asked for once, when a payment begins to wait.
const NextActionQuery = graphql(`
  query NextAction($paymentId: ID!) {
    payment(id: $paymentId) {
      id
      nextAction {
        type
        url
        clientSecret
        expiresAt
      }
    }
  }
`);

const CompleteMutation = graphql(`
  mutation PaymentCompleteAction($input: PaymentCompleteActionInput!) {
    paymentCompleteAction(input: $input) {
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

/** What the payment waits for: the provider's own page, and in development the decision right here. */
export function CompleteAction({ paymentId, onOutcome }: { paymentId: string; onOutcome: (outcome: Outcome) => void }) {
  const [{ data, error }, reload] = useQuery({ query: NextActionQuery, variables: { paymentId }, requestPolicy: 'cache-and-network' });
  const [{ fetching }, complete] = useMutation(CompleteMutation);
  const decide = async (outcome: SimulatedActionOutcome | null) => {
    const { data: done, error: failed } = await complete({ input: { paymentId, outcome } });
    onOutcome({ error: failed, refusals: done?.paymentCompleteAction.userErrors ?? [] });
  };
  const action = data?.payment?.nextAction;
  if (error && !action) return <Failure error={error} retry={() => reload({ requestPolicy: 'network-only' })} />;
  return (
    <section className="card action" aria-labelledby="action-title">
      <h2 id="action-title">Your payment needs you</h2>
      <p className="hint">
        {action?.type === 'CLIENT_SECRET'
          ? 'The bank’s question is answered through Stripe.js, which this shop does not load. Set STRIPE_RETURN_URL, and it gets a page of its own.'
          : 'As at a bank: look at the amount, then approve or refuse it.'}
        {action?.expiresAt && ` It waits until ${formatClock(action.expiresAt)}.`}
      </p>
      <div className="actions-row">
        {action?.type === 'SIMULATED' && (
          <>
            <button type="button" disabled={fetching} onClick={() => void decide('APPROVE')}>
              Approve
            </button>
            <button type="button" className="quiet danger" disabled={fetching} onClick={() => void decide('REFUSE')}>
              Refuse
            </button>
          </>
        )}
        {action?.type !== 'SIMULATED' && (
          <button type="button" className="quiet" disabled={fetching} onClick={() => void decide(null)}>
            I have done it
          </button>
        )}
        {action?.url && (
          <a href={action.url} target="_blank" rel="noreferrer">
            Open the provider’s page
          </a>
        )}
      </div>
    </section>
  );
}
