import type { Example } from './example';

/** The operations of staff. They need the user Staff. */
export const staffExamples: readonly Example[] = [
  {
    query: `# Staff 1. Deliver an order now.
mutation Deliver($input: OrderDeliverInput!) {
  orderDeliver(input: $input) {
    order { status version }
    userErrors { field message code }
  }
}
`,
    variables: JSON.stringify({ input: { orderId: 'order_…' } }, null, 2),
  },
  {
    query: `# Staff 2. Capture an AUTHORIZED payment. Order with
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
    query: `# Staff 3. Or void it instead.
mutation Void($input: PaymentVoidInput!) {
  paymentVoid(input: $input) {
    payment { status }
    userErrors { field message code }
  }
}
`,
    variables: JSON.stringify({ input: { paymentId: 'payment_…' } }, null, 2),
  },
  {
    query: `# Staff 4. Refund. Without amountMinor: all that is
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
    query: `# Staff 5. Payments that need attention, with the
# attempts at the provider.
query Attention {
  attention(first: 5) {
    nodes {
      id
      status
      attention
      order { number }
      attempts { operation outcome calls message }
    }
  }
}
`,
  },
  {
    query: `# Staff 6. Settle a payment. RECHECK asks the provider;
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
    query: `# Staff 7. Create or change a product, by its sku.
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
    query: `# Staff 8. Archive it. Orders keep their lines.
mutation ArchiveProduct($input: ProductArchiveInput!) {
  productArchive(input: $input) {
    product { sku archived }
    userErrors { field message code }
  }
}
`,
    variables: JSON.stringify({ input: { productId: 'product_…' } }, null, 2),
  },
  {
    query: `# Staff 9. Send signed events to a URL. The secret is
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
    query: `# Staff 10. Disable it, or change its event types.
mutation UpdateEndpoint($input: WebhookEndpointUpdateInput!) {
  webhookEndpointUpdate(input: $input) {
    endpoint { id enabled eventTypes }
    userErrors { field message code }
  }
}
`,
    variables: JSON.stringify({ input: { endpointId: 'endpoint_…', enabled: false } }, null, 2),
  },
  {
    query: `# Staff 11. Rotate the secret; the old one stays valid for a day.
mutation RotateSecret($input: WebhookEndpointRotateSecretInput!) {
  webhookEndpointRotateSecret(input: $input) {
    secret
    userErrors { field message code }
  }
}
`,
    variables: JSON.stringify({ input: { endpointId: 'endpoint_…' } }, null, 2),
  },
  {
    query: `# Staff 12. The deliveries of webhooks.
query Deliveries {
  webhookDeliveries(first: 5) {
    nodes { id eventType status attempts responseStatus lastAttemptAt }
  }
}
`,
  },
  {
    query: `# Staff 13. Deliver one again.
mutation Redeliver($input: WebhookRedeliverInput!) {
  webhookRedeliver(input: $input) {
    delivery { id status attempts }
    userErrors { field message code }
  }
}
`,
    variables: JSON.stringify({ input: { deliveryId: 'delivery_…' } }, null, 2),
  },
  {
    query: `# Staff 14. Sign a user out everywhere.
mutation RevokeUser($input: UserRevokeInput!) {
  userRevoke(input: $input) {
    revokedAt
    userErrors { field message code }
  }
}
`,
    variables: JSON.stringify({ input: { customerId: 'customer_…' } }, null, 2),
  },
  {
    query: `# Staff 15. The audit trail: actions of staff.
query AuditTrail {
  auditTrail(first: 10) {
    nodes { at actorId action subjectId detail }
  }
}
`,
  },
];
