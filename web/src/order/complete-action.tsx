import { useQuery } from 'urql';
import { graphql } from '../gql';
import type { SimulatedActionOutcome } from '../gql/graphql';
import { useSession, useSettings } from '../shared/context';
import { formatDeadline } from '../shared/time';
import { Failure } from '../shared/states';
import { useAction, type Reports } from '../shared/use-action';

// Events never contain the action, because it may hold a short-lived secret. It is queried once, when a payment begins to wait.
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

/**
 * The action that the payment waits for: a link to the provider's page, or in development the decision itself. Only the order's owner may
 * see it; staff may have the provider asked whether the customer has acted.
 */
export function CompleteAction({ paymentId, onOutcome }: { paymentId: string } & Reports) {
  const owner = useSession().session?.role === 'CUSTOMER';
  const { clientSecretHint } = useSettings();
  const [{ data, error }, reload] = useQuery({ query: NextActionQuery, variables: { paymentId }, requestPolicy: 'cache-and-network', pause: !owner });
  const { busy, act } = useAction(CompleteMutation);
  const decide = async (outcome: SimulatedActionOutcome | null) => onOutcome(await act({ paymentId, outcome }));
  const action = data?.payment?.nextAction;
  if (error && !action) return <Failure error={error} retry={() => reload({ requestPolicy: 'network-only' })} />;
  if (!owner) {
    return (
      <section className="card action" aria-labelledby="action-title">
        <h2 id="action-title">The payment waits for its customer</h2>
        <div className="actions-row">
          <button type="button" className="quiet" disabled={busy} onClick={() => void decide(null)}>
            Ask the provider now
          </button>
        </div>
      </section>
    );
  }
  return (
    <section className="card action" aria-labelledby="action-title" aria-busy={!action}>
      <h2 id="action-title">Confirm your payment</h2>
      <p className="hint">
        {action?.type === 'CLIENT_SECRET'
          ? clientSecretHint || 'The provider’s own script in the browser asks the question, and this shop does not load it.'
          : 'Check the amount, then approve or refuse the payment, as on a bank’s page.'}
        {action?.expiresAt && ` It waits until ${formatDeadline(action.expiresAt)}.`}
      </p>
      <div className="actions-row">
        {action?.type === 'SIMULATED' && (
          <>
            <button type="button" disabled={busy} onClick={() => void decide('APPROVE')}>
              Approve
            </button>
            <button type="button" className="quiet danger" disabled={busy} onClick={() => void decide('REFUSE')}>
              Refuse
            </button>
          </>
        )}
        {action && action.type !== 'SIMULATED' && (
          <button type="button" className="quiet" disabled={busy} onClick={() => void decide(null)}>
            I have confirmed it
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
