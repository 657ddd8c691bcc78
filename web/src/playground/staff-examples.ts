import type { Example } from './example';

/** The operations of staff. They need the user Staff. */
export const staffExamples: readonly Example[] = [
  {
    query: `# Staff 1. Capture an AUTHORIZED payment. Order with
# captureMethod MANUAL to get one.
mutation Capture($input: PaymentCaptureInput!) {
  paymentCapture(input: $input) {
    payment { status captured { amount currency } }
    userErrors { field message code }
  }
}
`,
    variables: JSON.stringify({ input: { paymentId: 'payment_…' } }, null, 2),
  },
  {
    query: `# Staff 2. Refund an amount, or lines instead:
# [{position: 1, quantity: 1}]. Without either: all that is
# refundable. The same key again refunds once.
mutation Refund($input: RefundCreateInput!) {
  refundCreate(input: $input) {
    refund { id status amount { amount currency } }
    order { refundable { amount } }
    replayed
    userErrors { field message code }
  }
}
`,
    variables: JSON.stringify({ input: { idempotencyKey: 'change-me-for-each-refund', orderId: 'order_…', amountMinor: '100', reason: 'A scratch' } }, null, 2),
  },
  {
    query: `# Staff 3. Payments that need attention, with the
# attempts at the provider.
query Attention {
  attention(first: 5) {
    nodes {
      id
      status
      attention
      order {
        number
        disputes { amount { amount currency } status reason respondBy }
      }
      attempts { operation outcome calls message }
    }
  }
}
`,
  },
  {
    query: `# Staff 4. Settle a payment. RECHECK asks the provider;
# the others record your decision in the audit trail.
mutation Resolve($input: PaymentResolveInput!) {
  paymentResolve(input: $input) {
    payment { status attention }
    userErrors { field message code }
  }
}
`,
    variables: JSON.stringify({ input: { paymentId: 'payment_…', resolution: 'RECHECK', note: 'Checked the provider’s dashboard' } }, null, 2),
  },
  {
    query: `# Staff 5. Create or change a product, by its sku.
mutation UpsertProduct($input: ProductUpsertInput!) {
  productUpsert(input: $input) {
    product { id sku name price { amount currency } }
    userErrors { field message code }
  }
}
`,
    variables: JSON.stringify({ input: { sku: 'PEN-01', name: 'Brass pen', description: 'Writes upside down.', priceMinor: '2400', currency: 'EUR' } }, null, 2),
  },
  {
    query: `# Staff 6. Send signed events to a URL. The secret is
# shown only once.
mutation CreateEndpoint($input: WebhookEndpointCreateInput!) {
  webhookEndpointCreate(input: $input) {
    endpoint { id url eventTypes enabled }
    secret
    userErrors { field message code }
  }
}
`,
    variables: JSON.stringify({ input: { url: 'http://127.0.0.1:9000/hooks', eventTypes: ['ORDER_DELIVERED'] } }, null, 2),
  },
  {
    query: `# Staff 7. Disable it, or change its event types.
mutation UpdateEndpoint($input: WebhookEndpointUpdateInput!) {
  webhookEndpointUpdate(input: $input) {
    endpoint { id enabled eventTypes }
    userErrors { field message code }
  }
}
`,
    variables: JSON.stringify({ input: { endpointId: 'endpoint_…', enabled: false } }, null, 2),
  },
];
