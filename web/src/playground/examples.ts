/** An operation to start from: a tab of the playground. */
export interface Example {
  readonly query: string;
  readonly variables?: string;
}

/** One walk through the API, tab by tab: look, order, watch, pay again, cancel. */
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
  }
}
`,
    variables: JSON.stringify(
      {
        input: {
          idempotencyKey: 'change-me-for-each-new-order',
          items: [{ productId: 'product_…', quantity: 1 }],
          paymentMethod: { token: 'sim_approve' },
        },
      },
      null,
      2,
    ),
  },
  {
    query: `# 3. Watch it happen: every change is pushed, in
# order, exactly once. Stop, run again with the last
# cursor as "after", and it goes on where it was.
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
    query: `# 4. Watch all of your orders at once; staff sees everybody's.
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
    query: `# 5. Your orders, newest first.
query Orders {
  orders(first: 5) {
    nodes {
      id
      number
      status
      total { amount currency }
      availableActions
      createdAt
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  },
  {
    query: `# 6. After a decline, pay again with another card.
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
    query: `# 7. Cancel. The order is CANCELLING while money is
# released, then CANCELLED.
mutation CancelOrder($input: OrderCancelInput!) {
  orderCancel(input: $input) {
    order { status version cancelReason }
    userErrors { message code }
  }
}
`,
    variables: JSON.stringify({ input: { orderId: 'order_…' } }, null, 2),
  },
];
