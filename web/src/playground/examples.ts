import { staffExamples } from './staff-examples';
import type { Example } from './example';

/**
 * A tour of the API, one tab for each step: browse, order, watch, pay again, act, cancel; then what staff do. Write an example only where it
 * tells more than the schema: all other operations get a generated one.
 */
export const examples: readonly Example[] = [
  {
    query: `# 1. What can be ordered? Prices are exact:
# amountMinor counts the smallest unit.
query Products {
  products(first: 5) {
    nodes {
      id
      sku
      name
      price { amount amountMinor currency }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  },
  {
    query: `# 2. Order something: put a product's id from tab 1
# into the variables below. The same idempotencyKey
# again gives the same order, with replayed: true.
# The customer has agreed to expectedTotal: with
# another price nothing is ordered (PRICE_CHANGED).
mutation CreateOrder($input: OrderCreateInput!) {
  orderCreate(input: $input) {
    order {
      id
      number
      status
      version
      total { amount currency }
      payment { id status }
    }
    replayed
    userErrors { field message code }
    currentTotal { amount amountMinor currency }
  }
}
`,
    variables: JSON.stringify(
      {
        input: {
          idempotencyKey: 'change-me-for-each-new-order',
          items: [{ productId: 'product_…', quantity: 1 }],
          expectedTotal: { amountMinor: '1250', currency: 'EUR' },
          paymentMethod: { token: 'sim_approve' },
        },
      },
      null,
      2,
    ),
  },
  {
    query: `# 3. Watch the order: every change is pushed, in
# order, exactly once. Stop, run again with the last
# cursor as "after", and it continues there.
subscription WatchOrder($orderId: ID!, $after: EventCursor) {
  orderEvents(orderId: $orderId, after: $after) {
    kind
    cursor
    event { type version occurredAt }
    order {
      status
      version
      payment { status declineCode }
    }
  }
}
`,
    variables: JSON.stringify({ orderId: 'order_…' }, null, 2),
  },
  {
    query: `# 4. Watch all of your orders at once; staff see all orders.
subscription WatchAll {
  orderFeed {
    kind
    cursor
    event { type version }
    order { number status payment { status } }
  }
}
`,
  },
  {
    query: `# 5. After a decline, pay again with another card.
mutation RetryPayment($input: PaymentRetryInput!) {
  paymentRetry(input: $input) {
    payment { id status }
    order { status version availableActions }
    userErrors { field message code }
  }
}
`,
    variables: JSON.stringify(
      { input: { idempotencyKey: 'change-me-for-each-retry', orderId: 'order_…', paymentMethod: { token: 'sim_approve' } } },
      null,
      2,
    ),
  },
  {
    query: `# 6. Order with the token sim_requires_action: the payment
# waits for its customer. Read nextAction, then decide.
query NextAction($id: ID!) {
  payment(id: $id) {
    id
    status
    nextAction { type url expiresAt }
  }
}
`,
    variables: JSON.stringify({ id: 'payment_…' }, null, 2),
  },
  {
    query: `# 7. Approve or refuse, as at the bank. Without an outcome
# the server asks the provider for it.
mutation CompleteAction($input: PaymentCompleteActionInput!) {
  paymentCompleteAction(input: $input) {
    payment { id status }
    order { status version }
    userErrors { field message code }
  }
}
`,
    variables: JSON.stringify({ input: { paymentId: 'payment_…', outcome: 'APPROVE' } }, null, 2),
  },
  {
    query: `# 8. Cancel. The order is CANCELLING while its payment is
# voided or refunded, then CANCELLED.
mutation CancelOrder($input: OrderCancelInput!) {
  orderCancel(input: $input) {
    order { status version cancelReason }
    userErrors { message code }
  }
}
`,
    variables: JSON.stringify({ input: { orderId: 'order_…' } }, null, 2),
  },
  {
    query: `# 9. One order with its history.
query OrderHistory($id: ID!) {
  order(id: $id) {
    number
    status
    captured { amount currency }
    refunded { amount }
    events(first: 20) {
      nodes { type version occurredAt actor { kind } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
`,
    variables: JSON.stringify({ id: 'order_…' }, null, 2),
  },
  ...staffExamples,
];
