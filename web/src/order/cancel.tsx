import { lazy, Suspense, useState } from 'react';
import { graphql } from '../gql';
import { useAction, type Reports } from '../shared/use-action';

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
export function Cancel({ orderId, number, onOutcome }: { orderId: string; number: string } & Reports) {
  const [asking, setAsking] = useState(false);
  const { busy, act } = useAction(CancelMutation);
  return (
    <>
      <button type="button" className="quiet danger" disabled={busy} onClick={() => setAsking(true)}>
        Cancel order
      </button>
      {asking && (
        <Suspense>
          <ConfirmDialog
            title="Cancel this order?"
            confirm="Yes, cancel it"
            keep="Keep it"
            onConfirm={() => void act({ orderId }).then(onOutcome)}
            onClose={() => setAsking(false)}
          >
            Whatever was paid for <span className="number">{number}</span> is given back first. This cannot be undone.
          </ConfirmDialog>
        </Suspense>
      )}
    </>
  );
}
