import { lazy, Suspense, useState } from 'react';
import { useMutation } from 'urql';
import { graphql } from '../gql';
import type { Outcome } from './order-actions';

const ConfirmDialog = lazy(() => import('./confirm-dialog'));

const CancelMutation = graphql(`
  mutation OrderCancel($input: OrderCancelInput!) {
    orderCancel(input: $input) {
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
 * Cancels after asking. The page shows the order as cancelling at once, before the server has answered, and goes back if
 * the server refuses or cannot be reached (shared/cache.ts); what follows arrives as events.
 */
export function Cancel({ orderId, number, onOutcome }: { orderId: string; number: string; onOutcome: (outcome: Outcome) => void }) {
  const [asking, setAsking] = useState(false);
  const [{ fetching }, cancel] = useMutation(CancelMutation);
  const submit = async () => {
    const { data, error } = await cancel({ input: { orderId } });
    onOutcome({ error, refusals: data?.orderCancel.userErrors ?? [] });
  };
  return (
    <>
      <button type="button" className="quiet danger" disabled={fetching} onClick={() => setAsking(true)}>
        Cancel order
      </button>
      {asking && (
        <Suspense>
          <ConfirmDialog
            title="Cancel this order?"
            confirm="Yes, cancel it"
            keep="Keep it"
            onConfirm={() => void submit()}
            onClose={() => setAsking(false)}
          >
            Whatever was paid for {number} is given back first. This cannot be undone.
          </ConfirmDialog>
        </Suspense>
      )}
    </>
  );
}
