import { describe, expect, it } from 'vitest';
import { refresh, type Newest } from './version-guard';

const order = (version: number, status: string, more: object = {}) => ({ __typename: 'Order' as const, id: 'order_1', version, status, ...more });

function setup(...seen: object[]) {
  const newest: Newest = new Map();
  for (const result of seen) refresh(result, newest);
  return (result: unknown) => refresh(result, newest);
}

describe('refresh', () => {
  it('does not change newer versions', () => {
    const result = { orderFeed: { order: order(2, 'CONFIRMED') } };
    expect(setup({ order: order(1, 'CREATED') })(result)).toEqual(result);
  });

  it('raises a late answer to the newest version seen', () => {
    const late = { orderCreate: { order: order(1, 'CREATED', { note: 'n' }) } };
    expect(setup({ orderFeed: { order: order(4, 'DELIVERED') } })(late)).toEqual({ orderCreate: { order: order(4, 'DELIVERED', { note: 'n' }) } });
  });

  it('raises orders in lists and under other objects', () => {
    const late = { payment: { order: order(1, 'CREATED') }, orders: { nodes: [order(1, 'CREATED'), { ...order(1, 'CREATED'), id: 'order_2' }] } };
    expect(setup({ order: order(3, 'CONFIRMED') })(late)).toMatchObject({
      payment: { order: { version: 3, status: 'CONFIRMED' } },
      orders: { nodes: [{ version: 3 }, { id: 'order_2', version: 1 }] },
    });
  });

  it('extends a late history by the events seen, up to the first gap', () => {
    const events = (...versions: number[]) => ({ events: { nodes: versions.map((version) => ({ id: `event_${version}`, version })) } });
    const pushed = (version: number) => ({ __typename: 'OrderUpdate', event: { id: `event_${version}`, version }, order: order(version, 'CREATED') });
    const after = setup({ order: order(1, 'CREATED', events(1)) }, pushed(3), pushed(4), pushed(6));
    expect(after({ order: order(1, 'CREATED', events(1)) })).toMatchObject({ order: events(1) });
    expect(after({ order: order(2, 'CREATED', events(1, 2)) })).toMatchObject({ order: { version: 6, ...events(1, 2, 3, 4) } });
  });

  it('merges the fields that different documents selected at one version', () => {
    const after = setup({ order: order(2, 'CONFIRMED', { total: 1 }) }, { order: order(2, 'CONFIRMED', { note: 'n' }) });
    expect(after({ order: order(1, 'CREATED', { total: 0, note: '' }) })).toEqual({ order: order(2, 'CONFIRMED', { total: 1, note: 'n' }) });
  });

  it('keeps the selection of a late answer in what it raises', () => {
    const pushed = { payment: { id: 'p1', status: 'CONFIRMED' }, payments: [{ id: 'p1', status: 'CONFIRMED' }], lines: [{ refunded: 1 }] };
    const late = { payment: { id: 'p1', status: 'AUTHORIZED', provider: 'x' }, payments: [{ id: 'p1', status: 'AUTHORIZED', attempts: [1] }], lines: [{ refunded: 0, name: 'mug' }] };
    expect(setup({ order: order(4, 'CONFIRMED', pushed) })({ order: order(3, 'CREATED', late) })).toEqual({
      order: order(4, 'CONFIRMED', {
        payment: { id: 'p1', status: 'CONFIRMED', provider: 'x' },
        payments: [{ id: 'p1', status: 'CONFIRMED', attempts: [1] }],
        lines: [{ refunded: 1, name: 'mug' }],
      }),
    });
  });

  it('does not mix two payments', () => {
    const late = order(3, 'CREATED', { payment: { id: 'p1', status: 'DECLINED', declineCode: 'x' }, payments: [{ id: 'p1' }] });
    const pushed = { payment: { id: 'p2', status: 'PROCESSING' }, payments: [{ id: 'p1' }, { id: 'p2' }] };
    expect(setup({ order: order(4, 'CREATED', pushed) })({ order: late })).toEqual({ order: order(4, 'CREATED', pushed) });
  });
});
