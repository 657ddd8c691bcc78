import { describe, expect, it } from 'vitest';
import { refresh } from './freshness';

const order = (version: number, status: string, more: object = {}) => ({ __typename: 'Order' as const, id: 'order_1', version, status, ...more });

function setup(...seen: object[]) {
  const newest: Parameters<typeof refresh>[1] = new Map();
  for (const result of seen) refresh(result, newest);
  return (result: unknown) => refresh(result, newest);
}

describe('refresh', () => {
  it('lets newer versions through as they are', () => {
    const result = { orderFeed: { order: order(2, 'CONFIRMED') } };
    expect(setup({ order: order(1, 'CREATED') })(result)).toEqual(result);
  });

  it('brings a late answer up to the newest version seen', () => {
    const late = { orderCreate: { order: order(1, 'CREATED', { note: 'n' }) } };
    expect(setup({ orderFeed: { order: order(4, 'DELIVERED') } })(late)).toEqual({ orderCreate: { order: order(4, 'DELIVERED', { note: 'n' }) } });
  });

  it('does so wherever the order is, in lists and under other objects', () => {
    const late = { payment: { order: order(1, 'CREATED') }, orders: { nodes: [order(1, 'CREATED'), { ...order(1, 'CREATED'), id: 'order_2' }] } };
    expect(setup({ order: order(3, 'CONFIRMED') })(late)).toMatchObject({
      payment: { order: { version: 3, status: 'CONFIRMED' } },
      orders: { nodes: [{ version: 3 }, { id: 'order_2', version: 1 }] },
    });
  });

  it('never shortens a history that a late answer brings, and never invents one', () => {
    const known = { order: order(3, 'CONFIRMED', { events: { nodes: ['old'] } }) };
    expect(setup(known)({ order: order(2, 'CREATED', { events: { nodes: ['a', 'b'] } }) })).toEqual({
      order: order(3, 'CONFIRMED', { events: { nodes: ['a', 'b'] } }),
    });
  });

  it('knows the sum of what different documents selected of one version', () => {
    const after = setup({ order: order(2, 'CONFIRMED', { total: 1 }) }, { order: order(2, 'CONFIRMED', { note: 'n' }) });
    expect(after({ order: order(1, 'CREATED', { total: 0, note: '' }) })).toEqual({ order: order(2, 'CONFIRMED', { total: 1, note: 'n' }) });
  });
});
