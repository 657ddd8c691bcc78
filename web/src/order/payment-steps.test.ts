import { describe, expect, it } from 'vitest';
import type { OrderAction, OrderStatus, PaymentStatus } from '../gql/graphql';
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
    expect(statusMessage({ ...progress('CREATED', 'DECLINED'), availableActions: ['CANCEL'] })).toMatch(/limit of payments/);
    expect(statusMessage({ ...progress('CANCELLED', 'EXPIRED'), cancelReason: 'EXPIRED' })).toMatch(/not paid in time/);
    expect(statusMessage({ ...progress('CONFIRMED', 'CONFIRMED'), deliversAt: '2026-11-22T12:00:00.000000Z' })).toMatch(/on its way and arrives around/);
    expect(statusMessage({ ...progress('CONFIRMED', 'CONFIRMED'), deliversAt: null })).toBe('Paid. Your order waits to be sent.');
    expect(statusMessage({ status: 'CREATED', payment: null, availableActions: [] })).toBe('Waiting for a payment.');
  });
});
