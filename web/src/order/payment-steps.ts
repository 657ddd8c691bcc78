import type { CancelReason, DeliveryHold, EventItemFragment, OrderAction, OrderStatus, PaymentAttention, PaymentStatus } from '../gql/graphql';
import { formatDeadline } from '../shared/time';
import { paymentStatusWord } from './status';

/** `current` is in progress; `failed` is the last step that the payment reached. */
export type StepState = 'done' | 'current' | 'upcoming' | 'failed';

/** One step on the way from order to delivery. */
export interface Step {
  readonly key: 'initializing' | 'processing' | 'outcome' | 'delivered';
  readonly label: string;
  readonly state: StepState;
  /** When it was reached, RFC 3339; undefined if it was not, or the history does not have it. */
  readonly at?: string | undefined;
}

/** The fields of an order that its payment progress depends on. */
export interface PaymentProgress {
  readonly status: OrderStatus;
  /** When the server cancels an unpaid order, and when it delivers a paid one. */
  readonly expiresAt?: string | null;
  readonly deliversAt?: string | null;
  readonly deliveryHold?: DeliveryHold | null;
  readonly cancelReason?: CancelReason | null;
  readonly availableActions: readonly OrderAction[];
  readonly payment?: {
    readonly id: string;
    readonly status: PaymentStatus;
    readonly createdAt: string;
    readonly attention?: PaymentAttention | null;
    readonly delayed?: boolean;
    /** It begins once the order's earlier payment is voided. */
    readonly waits?: boolean;
    readonly captured?: { readonly amountMinor: string };
  } | null;
}

/** The step that each payment status has reached: 0 initializing, 1 processing, 2 outcome. */
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

/** The event of each final status. */
const finalEvent: Partial<Record<PaymentStatus, EventItemFragment['type']>> = {
  CONFIRMED: 'PAYMENT_CONFIRMED',
  DECLINED: 'PAYMENT_DECLINED',
  VOIDED: 'PAYMENT_VOIDED',
  EXPIRED: 'PAYMENT_EXPIRED',
};

/** The four steps of an order's current payment. They follow from the statuses; the events only add the times. */
export function paymentSteps({ status, payment }: PaymentProgress, events: readonly EventItemFragment[]): Step[] {
  const reached = payment ? progress[payment.status] : 0;
  const end = payment ? finalEvent[payment.status] : undefined;
  const paid = payment?.status === 'CONFIRMED';
  const cancelled = status === 'CANCELLED' || status === 'CANCELLING';
  const paymentEvent = (type: EventItemFragment['type']) =>
    events.findLast((event) => event.type === type && 'paymentId' in event && event.paymentId === payment?.id)?.occurredAt;
  const orderEvent = (type: EventItemFragment['type']) => events.findLast((event) => event.type === type)?.occurredAt;

  const stepState = (index: 0 | 1): StepState => {
    if (reached > index) return 'done';
    if (cancelled) return 'failed';
    return reached === index ? 'current' : 'upcoming';
  };
  return [
    { key: 'initializing', label: 'Initializing', state: stepState(0), at: payment?.createdAt },
    { key: 'processing', ...processingStep(payment, paymentEvent), state: stepState(1) },
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

/** The second step, in which a payment also waits for its customer or for staff. */
function processingStep(payment: PaymentProgress['payment'], at: (type: EventItemFragment['type']) => string | undefined): Pick<Step, 'label' | 'at'> {
  switch (payment?.status) {
    case 'REQUIRES_ACTION':
      return { label: paymentStatusWord(payment.status), at: at('PAYMENT_ACTION_REQUIRED') };
    case 'AUTHORIZED':
      return { label: paymentStatusWord(payment.status), at: at('PAYMENT_AUTHORIZED') };
    default:
      return { label: payment?.delayed ? 'At your bank' : 'Processing', at: at('PAYMENT_PROCESSING') };
  }
}

/** The state of the order and what happens next, in a sentence or two. */
export function statusMessage({ status, payment, deliversAt, deliveryHold, expiresAt, cancelReason, availableActions }: PaymentProgress): string {
  // A refund can come back after a cancellation too.
  if (payment?.attention && (status !== 'CANCELLED' || payment.attention === 'REFUND_REVERSED')) return looking[payment.attention] ?? check;
  switch (status) {
    case 'DELIVERED':
      return 'Delivered. Enjoy!';
    case 'CANCELLED':
      return cancelReason === 'EXPIRED'
        ? 'This order was not paid in time and is cancelled. Nothing is charged; you can place a new one.'
        : 'This order was cancelled. Nothing is charged.';
    case 'CANCELLING':
      return payment?.delayed
        ? 'The order is being cancelled. Your bank decides about the payment first, which can take some days.'
        : 'The order is being cancelled. Its payment is voided or refunded first.';
    case 'CONFIRMED':
      if (deliversAt) return `Paid. Your order is on its way and arrives around ${formatDeadline(deliversAt)}.`;
      return (deliveryHold && held[deliveryHold]) ?? 'Paid. Your order waits to be sent.';
    case 'CREATED': {
      if (payment?.delayed) return 'Your bank takes its time: some payments are confirmed after days. You need not do anything, and your order waits.';
      if (payment?.waits) return 'Your earlier payment is being voided. The new one begins after that, so that you pay only once.';
      if (payment?.status === 'AUTHORIZED' && payment.captured && payment.captured.amountMinor !== '0') {
        return 'A part of the payment was captured. The rest is authorized: staff capture it before they send the rest of the order.';
      }
      const text = payment ? unpaid[payment.status] : 'Waiting for a payment.';
      if (payment?.status === 'PROCESSING' && availableActions.includes('RETRY_PAYMENT')) return unreached;
      if (!payment || !retriable.has(payment.status)) return text;
      if (!availableActions.includes('RETRY_PAYMENT')) return `${text} The order has reached its limit of payments: cancel it and place a new one.`;
      const deadline = expiresAt ? ` The order waits until ${formatDeadline(expiresAt)}.` : '';
      return `${text} You can pay again.${deadline}`;
    }
  }
}

const check = 'The payment needs a check by our staff. You need not do anything.';

/** What the customer reads while staff look at the payment. A reason that this build does not know is a check. */
const looking: Record<PaymentAttention, string> = {
  UNKNOWN_OUTCOME: check,
  PROVIDER_DOWN: check,
  MISMATCH: check,
  DISPUTED: 'The payment is disputed. Our staff answer the bank; you need not do anything here.',
  REFUND_REVERSED: 'Your bank has sent a refund back to us. Our staff refund it again or contact you.',
};

/** Why a paid order is not on its way. A reason that this build does not know is left out. */
const held: Record<DeliveryHold, string> = {
  DISPUTE: 'The payment is disputed. Our staff decide whether your order is sent.',
  ATTENTION: check,
  REFUND: 'Paid, then refunded in part or in full. Our staff decide whether your order is sent.',
};

/** Statuses after which the customer may pay again. */
const retriable: ReadonlySet<PaymentStatus> = new Set(['DECLINED', 'VOIDED', 'EXPIRED']);

/** The server allows another payment beside one in progress only if that one has not reached its provider. */
const unreached =
  'The payment provider cannot be reached at the moment. Nothing is charged. We keep trying, so you need not do anything; or pay another way below.';

const unpaid: Record<PaymentStatus, string> = {
  INITIALIZING: 'The payment is being set up.',
  PROCESSING: 'The payment provider is processing the payment.',
  REQUIRES_ACTION: 'The payment waits for your confirmation.',
  AUTHORIZED: 'The payment is authorized. Staff capture it before they send the order.',
  CONFIRMED: 'The payment is confirmed.',
  DECLINED: 'The payment was declined. Nothing was charged.',
  VOIDED: 'The payment was voided. Nothing is charged.',
  EXPIRED: 'The payment was not completed in time. Nothing is charged.',
};
