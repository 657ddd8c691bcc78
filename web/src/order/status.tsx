import type { OrderStatus, PaymentStatus, RefundStatus } from '../gql/graphql';

type Tone = 'neutral' | 'active' | 'good' | 'bad';

const orderWords: Record<OrderStatus, [string, Tone]> = {
  CREATED: ['Created', 'active'],
  CONFIRMED: ['Confirmed', 'good'],
  DELIVERED: ['Delivered', 'good'],
  CANCELLING: ['Cancelling', 'active'],
  CANCELLED: ['Cancelled', 'neutral'],
};

const paymentWords: Record<PaymentStatus, [string, Tone]> = {
  INITIALIZING: ['Initializing', 'active'],
  PROCESSING: ['Processing', 'active'],
  REQUIRES_ACTION: ['Action required', 'active'],
  AUTHORIZED: ['Authorized', 'active'],
  CONFIRMED: ['Confirmed', 'good'],
  DECLINED: ['Declined', 'bad'],
  VOIDED: ['Voided', 'neutral'],
  EXPIRED: ['Expired', 'neutral'],
};

const refundWords: Record<RefundStatus, [string, Tone]> = {
  PENDING: ['Pending', 'active'],
  SUCCEEDED: ['Refunded', 'good'],
  FAILED: ['Failed', 'bad'],
};

export const orderStatuses = Object.keys(orderWords) as OrderStatus[];
export const orderStatusWord = (status: OrderStatus): string => orderWords[status][0];
export const paymentStatusWord = (status: PaymentStatus): string => paymentWords[status][0];

/** The order's status, in its colour. */
export function OrderBadge({ status }: { status: OrderStatus }) {
  const [word, tone] = orderWords[status];
  return <Badge word={word} tone={tone} />;
}

/** The payment's status, in its colour. `named` adds the word Payment, for places without a heading of their own. */
export function PaymentBadge({ status, named = false }: { status: PaymentStatus; named?: boolean }) {
  const [word, tone] = paymentWords[status];
  return <Badge word={named ? `Payment ${word.toLowerCase()}` : word} tone={tone} />;
}

/** The refund's status, in its colour. */
export function RefundBadge({ status }: { status: RefundStatus }) {
  const [word, tone] = refundWords[status];
  return <Badge word={word} tone={tone} />;
}

function Badge({ word, tone }: { word: string; tone: Tone }) {
  return <span className={`badge badge-${tone}`}>{word}</span>;
}
