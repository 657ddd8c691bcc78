import { describe, expect, it } from 'vitest';
import type { OrderAction, OrderStatus, PaymentAttention, PaymentStatus } from '../gql/graphql';
import { paymentSteps, statusMessage } from './payment-steps';

const progress = (status: OrderStatus, payment: PaymentStatus) => ({
  status,
  payment: { id: 'payment_2', status: payment, createdAt: '2026-11-22T12:00:00.000000Z' },
  availableActions: [] as OrderAction[],
});
const shown = (status: OrderStatus, payment: PaymentStatus) => paymentSteps(progress(status, payment), []).map(({ label, state }) => `${label}: ${state}`);

describe('paymentSteps', () => {
  it.each<[OrderStatus, PaymentStatus, string[]]>([
    ['CREATED', 'INITIALIZING', ['Initializing: current', 'Processing: upcoming', 'Confirmed: upcoming', 'Delivered: upcoming']],
    ['CREATED', 'PROCESSING', ['Initializing: done', 'Processing: current', 'Confirmed: upcoming', 'Delivered: upcoming']],
    ['CREATED', 'REQUIRES_ACTION', ['Initializing: done', 'Action required: current', 'Confirmed: upcoming', 'Delivered: upcoming']],
    ['CREATED', 'AUTHORIZED', ['Initializing: done', 'Authorized: current', 'Confirmed: upcoming', 'Delivered: upcoming']],
    ['CONFIRMED', 'CONFIRMED', ['Initializing: done', 'Processing: done', 'Confirmed: done', 'Delivered: current']],
    ['DELIVERED', 'CONFIRMED', ['Initializing: done', 'Processing: done', 'Confirmed: done', 'Delivered: done']],
    ['CREATED', 'DECLINED', ['Initializing: done', 'Processing: done', 'Declined: failed', 'Delivered: upcoming']],
    ['CANCELLING', 'PROCESSING', ['Initializing: done', 'Processing: failed', 'Confirmed: upcoming', 'Cancelling: failed']],
    ['CANCELLED', 'VOIDED', ['Initializing: done', 'Processing: done', 'Voided: failed', 'Cancelled: failed']],
  ])('%s with a payment %s', (status, payment, expected) => {
    expect(shown(status, payment)).toEqual(expected);
  });

  it('takes times from the events of the latest payment alone', () => {
    const event = (type: 'PAYMENT_PROCESSING' | 'PAYMENT_DECLINED', paymentId: string, occurredAt: string) =>
      ({ id: occurredAt, type, version: 1, occurredAt, actor: { kind: 'SYSTEM' }, paymentId }) as never;
    const events = [event('PAYMENT_PROCESSING', 'payment_1', 'first'), event('PAYMENT_DECLINED', 'payment_1', 'declined'), event('PAYMENT_PROCESSING', 'payment_2', 'second')];
    expect(paymentSteps(progress('CREATED', 'PROCESSING'), events).map(({ at }) => at)).toEqual(['2026-11-22T12:00:00.000000Z', 'second', undefined, undefined]);
  });
});

describe('statusMessage', () => {
  it('says what happens next', () => {
    expect(statusMessage({ ...progress('CREATED', 'DECLINED'), availableActions: ['CANCEL', 'RETRY_PAYMENT'] })).toMatch(/You can pay again/);
    expect(statusMessage({ ...progress('CREATED', 'PROCESSING'), availableActions: ['CANCEL', 'RETRY_PAYMENT'] })).toMatch(/cannot be reached .* Nothing is charged/);
    expect(statusMessage({ ...progress('CREATED', 'PROCESSING'), availableActions: ['CANCEL'] })).toMatch(/is processing/);
    expect(statusMessage({ ...progress('CREATED', 'DECLINED'), availableActions: ['CANCEL'] })).toMatch(/limit of payments/);
    const { payment, ...unpaid } = progress('CREATED', 'INITIALIZING');
    expect(statusMessage({ ...unpaid, payment: { ...payment, waits: true } })).toMatch(/earlier payment is being voided/);
    const authorized = progress('CREATED', 'AUTHORIZED');
    expect(statusMessage({ ...authorized, payment: { ...authorized.payment, captured: { amountMinor: '0' } } })).toMatch(/is authorized. Staff capture it/);
    expect(statusMessage({ ...authorized, payment: { ...authorized.payment, captured: { amountMinor: '1' } } })).toMatch(/^A part of the payment was captured/);
    expect(statusMessage({ ...progress('CANCELLED', 'EXPIRED'), cancelReason: 'EXPIRED' })).toMatch(/not paid in time/);
    expect(statusMessage({ ...progress('CONFIRMED', 'CONFIRMED'), deliversAt: '2026-11-22T12:00:00.000000Z' })).toMatch(/on its way and arrives around/);
    expect(statusMessage({ ...progress('CONFIRMED', 'CONFIRMED'), deliversAt: null })).toBe('Paid. Your order waits to be sent.');
    expect(statusMessage({ ...progress('CONFIRMED', 'CONFIRMED'), deliveryHold: 'REFUND' })).toMatch(/^Paid, then refunded/);
    expect(statusMessage({ ...progress('CONFIRMED', 'CONFIRMED'), deliveryHold: 'OF_A_LATER_VERSION' as never })).toBe('Paid. Your order waits to be sent.');
    expect(statusMessage({ status: 'CREATED', payment: null, availableActions: [] })).toBe('Waiting for a payment.');
  });

  const delayed = (status: OrderStatus) => {
    const { payment, ...rest } = progress(status, 'PROCESSING');
    return { ...rest, payment: { ...payment, delayed: true } };
  };
  it('says that a bank takes its time', () => {
    expect(statusMessage(delayed('CREATED'))).toMatch(/^Your bank takes its time/);
    expect(statusMessage(delayed('CANCELLING'))).toMatch(/Your bank decides about the payment first/);
    expect(paymentSteps(delayed('CREATED'), [])[1]).toMatchObject({ label: 'At your bank', state: 'current' });
  });

  const needing = (status: OrderStatus, attention: PaymentAttention) => {
    const { payment, ...rest } = progress(status, 'CONFIRMED');
    return statusMessage({ ...rest, payment: { ...payment, attention } });
  };
  it('tells the customer of disputes and of refunds that came back', () => {
    expect(needing('DELIVERED', 'DISPUTED')).toMatch(/^The payment is disputed/);
    expect(needing('CANCELLED', 'REFUND_REVERSED')).toMatch(/sent a refund back/);
    expect(needing('CANCELLED', 'DISPUTED')).toMatch(/^This order was cancelled/);
    expect(needing('CONFIRMED', 'MISMATCH')).toMatch(/check by our staff/);
    expect(needing('CONFIRMED', 'OF_A_LATER_VERSION' as never)).toMatch(/check by our staff/);
  });
});
