import type { OrderEventType, OrderStatus, PaymentStatus } from '../gql/graphql';

const euro = (amountMinor: number) => ({
  __typename: 'Money',
  amount: (amountMinor / 100).toFixed(2),
  amountMinor: String(amountMinor),
  currency: 'EUR',
});

/** The life of a plain order, version by version. */
const life: readonly { type: OrderEventType; typename: string; status: OrderStatus; payment: PaymentStatus }[] = [
  { type: 'ORDER_CREATED', typename: 'OrderCreated', status: 'CREATED', payment: 'INITIALIZING' },
  { type: 'PAYMENT_PROCESSING', typename: 'PaymentProcessing', status: 'CREATED', payment: 'PROCESSING' },
  { type: 'PAYMENT_CONFIRMED', typename: 'PaymentConfirmed', status: 'CONFIRMED', payment: 'CONFIRMED' },
  { type: 'ORDER_DELIVERED', typename: 'OrderDelivered', status: 'DELIVERED', payment: 'CONFIRMED' },
];

const moment = (number: number, version: number) => `2026-11-22T12:${String(number).padStart(2, '0')}:0${version}.000000Z`;

/** Order `number` at a version of its life. Higher numbers are later orders. */
export function orderAt(number: number, version: number) {
  const { status, payment } = life[version - 1]!;
  return {
    __typename: 'Order',
    id: `order_${number}`,
    number: `OW-0000000${number}`,
    version,
    status,
    customerId: 'customer_ada',
    createdAt: moment(number, 1),
    updatedAt: moment(number, version),
    note: null,
    expiresAt: null,
    deliversAt: null,
    deliveryHold: null,
    cancelReason: null,
    refunds: [],
    payments: [{ __typename: 'Payment', id: `payment_${number}`, status: payment, createdAt: moment(number, 1), amount: euro(3600), attention: null }],
    availableActions: version < 4 ? ['CANCEL'] : [],
    lines: [
      {
        __typename: 'OrderLine',
        position: 1,
        name: 'Stoneware mug',
        quantity: 2,
        refundedQuantity: 0,
        unitPrice: euro(1800),
        total: euro(3600),
        product: { __typename: 'Product', id: 'product_mug', image: null },
      },
    ],
    total: euro(3600),
    captured: euro(version >= 3 ? 3600 : 0),
    refunded: euro(0),
    refundable: euro(version >= 3 ? 3600 : 0),
    disputed: euro(0),
    payment: {
      __typename: 'Payment',
      id: `payment_${number}`,
      status: payment,
      createdAt: moment(number, 1),
      declineCode: null,
      attention: null,
      delayed: false,
      waits: false,
      captured: euro(version >= 3 ? 3600 : 0),
      capturable: euro(0),
      capturesInParts: false,
    },
  };
}

export function eventAt(number: number, version: number) {
  const { type, typename } = life[version - 1]!;
  return {
    __typename: typename,
    id: `event_${number}_${version}`,
    type,
    version,
    occurredAt: moment(number, version),
    actor: { __typename: 'Actor', kind: 'SYSTEM' },
    ...(type.startsWith('PAYMENT') ? { paymentId: `payment_${number}` } : {}),
    ...(type === 'PAYMENT_CONFIRMED' ? { amount: euro(3600) } : {}),
    ...(type === 'PAYMENT_DECLINED' ? { declineCode: null } : {}),
  };
}

/** An order with its history up to that version. */
export function orderWithHistory(number: number, version: number) {
  return {
    ...orderAt(number, version),
    events: {
      __typename: 'OrderEventConnection',
      nodes: Array.from({ length: version }, (_, index) => eventAt(number, index + 1)),
      pageInfo: { __typename: 'PageInfo', hasNextPage: false, endCursor: `v${version}` },
    },
  };
}

/** A subscription item: the event of this version. */
export const happened = (number: number, version: number) => ({
  kind: 'EVENT',
  cursor: `${number}/${version}`,
  event: eventAt(number, version),
  order: orderAt(number, version),
});

/** A page of a list. */
export const page = (orders: object[], hasNextPage = false) => ({
  orders: { __typename: 'OrderConnection', nodes: orders, pageInfo: { __typename: 'PageInfo', hasNextPage, endCursor: orders.length > 0 ? `end${orders.length}` : null } },
});

const noStats = () => ({
  stats: {
    __typename: 'Stats',
    at: '2026-11-22T12:00:00.000000Z',
    ordersByStatus: [],
    revenue: [],
    throughput: [],
    timeToConfirmed: { __typename: 'Percentiles', p50Ms: 0, p95Ms: 0 },
    inFlight: 0,
    subscribers: 1,
  },
});
const noAttention = () => ({
  attention: { __typename: 'PaymentConnection', nodes: [], pageInfo: { __typename: 'PageInfo', hasNextPage: false } },
});
const noEndpoints = () => ({ webhookEndpoints: { __typename: 'WebhookEndpointConnection', nodes: [] } });

/** The answers to what the board asks besides its open view, of a shop without any orders. */
export const quietBoard = { Stats: noStats, Attention: noAttention, DisabledEndpoints: noEndpoints };
