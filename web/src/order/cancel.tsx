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
 * Cancels an order after a confirmation. The page shows CANCELLING before the server has answered, and the former status if
 * the server refuses or cannot be reached (the optimistic update in shared/cache.ts). The rest arrives as events.
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
            keep="Keep order"
            onConfirm={() => void act({ orderId }).then(onOutcome)}
            onClose={() => setAsking(false)}
          >
            The payment of <span className="number">{number}</span> is voided or refunded first. This cannot be undone.
          </ConfirmDialog>
        </Suspense>
      )}
    </>
  );
}
