import type { CancelReason, EventItemFragment, OrderAction, OrderStatus, PaymentAttention, PaymentStatus } from '../gql/graphql';
import { formatDeadline } from '../shared/time';
import { paymentStatusWord } from './status';

/** `failed` ends the walk; `current` is under way. */
export type StepState = 'done' | 'current' | 'upcoming' | 'failed';

/** One station of the walk from order to delivery. */
export interface Step {
  readonly key: 'initializing' | 'processing' | 'outcome' | 'delivered';
  readonly label: string;
  readonly state: StepState;
  /** When it was reached, RFC 3339; absent when it was not, or the history does not say. */
  readonly at?: string | undefined;
}

export interface Walk {
  readonly status: OrderStatus;
  /** When an unpaid order is cancelled, and a paid one delivered, by itself. */
  readonly expiresAt?: string | null;
  readonly deliversAt?: string | null;
  readonly cancelReason?: CancelReason | null;
  readonly availableActions: readonly OrderAction[];
  readonly payment?: {
    readonly id: string;
    readonly status: PaymentStatus;
    readonly createdAt: string;
    readonly attention?: PaymentAttention | null;
  } | null;
}

/** How far each payment status is along: 0 initializing, 1 processing, 2 decided. */
const progress: Record<PaymentStatus, 0 | 1 | 2> = {
  INITIALIZING: 0,
  PROCESSING: 1,
  REQUIRES_ACTION: 1,
  AUTHORIZED: 1,
  CONFIRMED: 2,
  DECLINED: 2,
  VOIDED: 2,
  EXPIRED: 2,
};

/** The event that ended a payment. */
const ended: Partial<Record<PaymentStatus, EventItemFragment['type']>> = {
  CONFIRMED: 'PAYMENT_CONFIRMED',
  DECLINED: 'PAYMENT_DECLINED',
  VOIDED: 'PAYMENT_VOIDED',
  EXPIRED: 'PAYMENT_EXPIRED',
};

/** The four stations of an order's latest payment, from states alone; the events only add the times. */
export function steps({ status, payment }: Walk, events: readonly EventItemFragment[]): Step[] {
  const reached = payment ? progress[payment.status] : 0;
  const end = payment ? ended[payment.status] : undefined;
  const paid = payment?.status === 'CONFIRMED';
  const cancelled = status === 'CANCELLED' || status === 'CANCELLING';
  const paymentEvent = (type: EventItemFragment['type']) =>
    events.findLast((event) => event.type === type && 'paymentId' in event && event.paymentId === payment?.id)?.occurredAt;
  const orderEvent = (type: EventItemFragment['type']) => events.findLast((event) => event.type === type)?.occurredAt;

  const station = (index: 0 | 1): StepState => {
    if (reached > index) return 'done';
    if (cancelled) return 'failed';
    return reached === index ? 'current' : 'upcoming';
  };
  return [
    { key: 'initializing', label: 'Initializing', state: station(0), at: payment?.createdAt },
    { key: 'processing', ...middle(payment?.status, paymentEvent), state: station(1) },
    {
      key: 'outcome',
      label: reached === 2 && payment ? paymentStatusWord(payment.status) : 'Confirmed',
      state: reached < 2 ? 'upcoming' : paid ? 'done' : 'failed',
      at: end && paymentEvent(end),
    },
    cancelled
      ? { key: 'delivered', label: status === 'CANCELLED' ? 'Cancelled' : 'Cancelling', state: 'failed', at: orderEvent('ORDER_CANCELLED') }
      : {
          key: 'delivered',
          label: 'Delivered',
          state: status === 'DELIVERED' ? 'done' : status === 'CONFIRMED' ? 'current' : 'upcoming',
          at: orderEvent('ORDER_DELIVERED'),
        },
  ];
}

/** The second station, which is also where a payment waits for its customer or for staff. */
function middle(status: PaymentStatus | undefined, at: (type: EventItemFragment['type']) => string | undefined): Pick<Step, 'label' | 'at'> {
  switch (status) {
    case 'REQUIRES_ACTION':
      return { label: paymentStatusWord(status), at: at('PAYMENT_ACTION_REQUIRED') };
    case 'AUTHORIZED':
      return { label: paymentStatusWord(status), at: at('PAYMENT_AUTHORIZED') };
    default:
      return { label: 'Processing', at: at('PAYMENT_PROCESSING') };
  }
}

/** What is going on and what comes next, in a sentence or two. */
export function outlook({ status, payment, deliversAt, expiresAt, cancelReason, availableActions }: Walk): string {
  if (payment?.attention && status !== 'CANCELLED') return 'The payment provider does not answer clearly. Our staff look at it; you need not do anything.';
  switch (status) {
    case 'DELIVERED':
      return 'Delivered. Enjoy!';
    case 'CANCELLED':
      return cancelReason === 'EXPIRED'
        ? 'This order was not paid in time and is cancelled. Nothing is charged; you can place a new one.'
        : 'This order was cancelled. Nothing is charged.';
    case 'CANCELLING':
      return 'The order is being cancelled: the money is released first.';
    case 'CONFIRMED':
      return `Paid. Your order is on its way and arrives here by itself${deliversAt ? `, around ${formatDeadline(deliversAt)}` : ''}.`;
    case 'CREATED': {
      const text = payment ? unpaid[payment.status] : 'Waiting for a payment.';
      if (!payment || !retriable.has(payment.status)) return text;
      if (!availableActions.includes('RETRY_PAYMENT')) return `${text} The order has had as many payments as it may have: cancel it and place a new one.`;
      const deadline = expiresAt ? ` The order waits until ${formatDeadline(expiresAt)}.` : '';
      return `${text} You can pay again.${deadline}`;
    }
  }
}

/** States after which the customer may pay anew. */
const retriable: ReadonlySet<PaymentStatus> = new Set(['DECLINED', 'VOIDED', 'EXPIRED']);

const unpaid: Record<PaymentStatus, string> = {
  INITIALIZING: 'The payment is being set up. The provider is asked next.',
  PROCESSING: 'The payment provider is deciding. Once it agrees, the order is on its way.',
  REQUIRES_ACTION: 'The payment waits for your confirmation.',
  AUTHORIZED: 'The money is held, not taken. Staff take it before they send the order.',
  CONFIRMED: 'The payment is confirmed.',
  DECLINED: 'The payment was declined. Nothing was charged.',
  VOIDED: 'The payment was voided. Nothing is charged.',
  EXPIRED: 'The payment was not completed in time. Nothing is charged.',
};
