import { describe, expect, it } from 'vitest';
import { advance, applyEvent, fromServer, isOutdated, type StatsEvent } from './stats';

const minute = (n: number, second = 0) => `2026-11-22T12:${String(n).padStart(2, '0')}:${String(second).padStart(2, '0')}.000000Z`;
const euro = (minor: number) => ({ amountMinor: String(minor), amount: (minor / 100).toFixed(2), currency: 'EUR' });
const none = { created: 0, confirmed: 0, declined: 0, cancelled: 0 };

const start = () =>
  fromServer({
    at: minute(3, 30),
    ordersByStatus: [{ status: 'CREATED', count: 2 }, { status: 'CONFIRMED', count: 1 }],
    revenue: [euro(1000)],
    throughput: [
      { at: minute(1), ...none },
      { at: minute(2), ...none, created: 3, confirmed: 1, timeToConfirmed: { p50Ms: 900, p95Ms: 900 } },
      { at: minute(3), ...none, timeToConfirmed: null },
    ],
    timeToConfirmed: { p50Ms: 900, p95Ms: 900 },
    inFlight: 3,
    subscribers: 1,
  });

const event = (type: StatsEvent['type'], occurredAt: string, createdAt = minute(3, 10), captured = 0, id = `${type} ${occurredAt}`): StatsEvent => ({
  id, type, occurredAt, order: { createdAt, captured: euro(captured), total: euro(1800) },
});

describe('stats', () => {
  it('apply each event of the feed once, and none that the server has counted', () => {
    const confirmed = event('PAYMENT_CONFIRMED', minute(3, 40), minute(3, 10), 1800);
    let now = applyEvent(applyEvent(start(), confirmed), confirmed);
    now = applyEvent(now, event('ORDER_CREATED', minute(3, 20))); // the server has counted it
    expect(now.byStatus).toEqual({ CREATED: 1, CONFIRMED: 2, DELIVERED: 0, CANCELLING: 0, CANCELLED: 0 });
    expect(now.revenue).toEqual({ EUR: { minor: 2800n, digits: 2 } });
    expect(now.steps.at(-1)).toMatchObject({ confirmed: 1, created: 0, p50: 30_000, p95: 30_000 });
    expect(now.inFlight).toBe(3);
  });

  it('follow an order to its end, paid or unpaid', () => {
    const created = event('ORDER_CREATED', minute(3, 31), minute(3, 31));
    const paid = [event('ORDER_CANCELLING', minute(3, 41), minute(3, 10), 1800), event('ORDER_CANCELLED', minute(3, 42), minute(3, 10), 1800)];
    const now = [created, ...paid, event('ORDER_CANCELLING', minute(3, 43), minute(3, 31))].reduce(applyEvent, start());
    expect(now.byStatus).toEqual({ CREATED: 2, CONFIRMED: 0, DELIVERED: 0, CANCELLING: 1, CANCELLED: 1 });
    expect(now.inFlight).toBe(3);
    expect(now.steps.at(-1)).toMatchObject({ created: 1, cancelled: 1 });
  });

  it('count by status only orders created within the window', () => {
    const now = applyEvent(start(), event('ORDER_DELIVERED', minute(3, 50), minute(0)));
    expect(now.byStatus.DELIVERED).toBe(0);
    expect(now.byStatus.CONFIRMED).toBe(1);
  });

  it('move with time, also past the whole window', () => {
    expect(advance(start(), Date.parse(minute(3, 59))).steps).toHaveLength(3);
    const later = applyEvent(start(), event('ORDER_CREATED', minute(4, 10), minute(4, 10)));
    expect(later.steps.map(({ at }) => at)).toEqual([2, 3, 4].map((n) => Date.parse(minute(n))));
    expect(later.steps.at(-1)?.created).toBe(1);
    const muchLater = advance(start(), Date.parse(minute(20, 1)));
    expect(muchLater.steps.map(({ at, created }) => [at, created])).toEqual([18, 19, 20].map((n) => [Date.parse(minute(n)), 0]));
  });

  it('are isOutdated once a step has ended', () => {
    expect(isOutdated(start(), Date.parse(minute(3, 59)))).toBe(false);
    expect(isOutdated(start(), Date.parse(minute(4)))).toBe(true);
  });
});
