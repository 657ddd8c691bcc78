import type { OrderEventType, OrderStatus } from '../gql/graphql';

/** What happened within one step of the window. `p50` and `p95`: how long orders took to be confirmed, in milliseconds; null when none was. */
export interface Step {
  readonly at: number;
  readonly created: number;
  readonly confirmed: number;
  readonly declined: number;
  readonly cancelled: number;
  readonly p50: number | null;
  readonly p95: number | null;
}

/** The board's figures: the server's counts at `at`, and the feed's changes since. Times are in Unix milliseconds. */
export interface LiveStats {
  readonly at: number;
  readonly stepMs: number;
  readonly steps: readonly Step[];
  readonly byStatus: Readonly<Record<OrderStatus, number>>;
  /** Minor units by currency. */
  readonly revenue: Readonly<Record<string, { readonly minor: bigint; readonly digits: number }>>;
  readonly p50: number;
  readonly p95: number;
  readonly inFlight: number;
  readonly subscribers: number;
  /** Ids of the events applied since, so that a repeated event counts once. */
  readonly seen: ReadonlySet<string>;
}

/** The part of a feed item that the figures depend on. */
export interface StatsEvent {
  readonly id: string;
  readonly type: OrderEventType;
  readonly occurredAt: string;
  readonly order: {
    readonly createdAt: string;
    readonly captured: { readonly amountMinor: string; readonly amount: string; readonly currency: string };
    readonly total: { readonly amountMinor: string; readonly amount: string; readonly currency: string };
  };
}

/** The answer of `Query.stats`. */
export interface ServerStats {
  readonly at: string;
  readonly ordersByStatus: readonly { readonly status: OrderStatus; readonly count: number }[];
  readonly revenue: readonly { readonly amountMinor: string; readonly amount: string; readonly currency: string }[];
  readonly throughput: readonly {
    readonly at: string;
    readonly created: number;
    readonly confirmed: number;
    readonly declined: number;
    readonly cancelled: number;
    readonly timeToConfirmed?: { readonly p50Ms: number; readonly p95Ms: number } | null;
  }[];
  readonly timeToConfirmed: { readonly p50Ms: number; readonly p95Ms: number };
  readonly inFlight: number;
  readonly subscribers: number;
}

/** Starts from the server's count. */
export function fromServer(stats: ServerStats): LiveStats {
  const steps = stats.throughput.map((point) => ({
    at: Date.parse(point.at),
    created: point.created,
    confirmed: point.confirmed,
    declined: point.declined,
    cancelled: point.cancelled,
    p50: point.timeToConfirmed?.p50Ms ?? null,
    p95: point.timeToConfirmed?.p95Ms ?? null,
  }));
  const byStatus = { CREATED: 0, CONFIRMED: 0, DELIVERED: 0, CANCELLING: 0, CANCELLED: 0 };
  for (const { status, count } of stats.ordersByStatus) byStatus[status] = count;
  return {
    at: Date.parse(stats.at),
    stepMs: steps.length > 1 ? steps[1]!.at - steps[0]!.at : 0,
    steps,
    byStatus,
    revenue: Object.fromEntries(stats.revenue.map(({ currency, amount, amountMinor }) => [currency, { minor: BigInt(amountMinor), digits: digitsOf(amount) }])),
    p50: stats.timeToConfirmed.p50Ms,
    p95: stats.timeToConfirmed.p95Ms,
    inFlight: stats.inFlight,
    subscribers: stats.subscribers,
    seen: new Set(),
  };
}

/** The order status that an event leads to. */
const statusAfter: Partial<Record<OrderEventType, OrderStatus>> = {
  ORDER_CREATED: 'CREATED',
  PAYMENT_CONFIRMED: 'CONFIRMED',
  ORDER_DELIVERED: 'DELIVERED',
  ORDER_CANCELLING: 'CANCELLING',
  ORDER_CANCELLED: 'CANCELLED',
};
/** The counter of a step that an event raises. */
const counters: Partial<Record<OrderEventType, 'created' | 'confirmed' | 'declined' | 'cancelled'>> = {
  ORDER_CREATED: 'created',
  PAYMENT_CONFIRMED: 'confirmed',
  PAYMENT_DECLINED: 'declined',
  ORDER_CANCELLED: 'cancelled',
};

/**
 * Applies one event. A percentile cannot be updated from one value: those of the whole window stay as the server counted them,
 * and a newer step shows its latest values until the server counts again.
 */
export function applyEvent(stats: LiveStats, { id, type, occurredAt, order }: StatsEvent): LiveStats {
  const at = Date.parse(occurredAt);
  if (at <= stats.at || stats.seen.has(id)) return stats;
  const moved = advance(stats, at);
  const created = Date.parse(order.createdAt);
  const next = { ...moved, seen: new Set(moved.seen).add(id) };
  const counter = counters[type];
  if (counter) {
    const took = type === 'PAYMENT_CONFIRMED' ? Math.max(0, at - created) : null;
    next.steps = moved.steps.map((step) =>
      at < step.at || at >= step.at + moved.stepMs
        ? step
        : { ...step, [counter]: step[counter] + 1, p50: step.p50 ?? took, p95: took === null ? step.p95 : Math.max(step.p95 ?? 0, took) },
    );
  }
  if (type === 'PAYMENT_CONFIRMED') {
    const { currency, amount, amountMinor } = order.total;
    const before = next.revenue[currency];
    next.revenue = { ...next.revenue, [currency]: { minor: (before?.minor ?? 0n) + BigInt(amountMinor), digits: digitsOf(amount) } };
  }
  if (type === 'ORDER_CREATED') next.inFlight++;
  if (type === 'ORDER_DELIVERED' || type === 'ORDER_CANCELLED') next.inFlight = Math.max(0, next.inFlight - 1);
  const to = statusAfter[type];
  // Only orders made within the window are counted by status.
  if (to && created >= (moved.steps[0]?.at ?? Infinity)) next.byStatus = move(next.byStatus, statusBefore(type, order.captured.amountMinor !== '0'), to);
  return next;
}

/** Moves the window to a time: steps that have passed are dropped, and empty ones begin. */
export function advance(stats: LiveStats, now: number): LiveStats {
  const last = stats.steps.at(-1);
  if (!last || stats.stepMs <= 0 || now < last.at + stats.stepMs) return stats;
  const passed = Math.floor((now - last.at) / stats.stepMs);
  const length = Math.min(passed, stats.steps.length);
  const begun = Array.from({ length }, (_, index) => ({
    at: last.at + (passed - length + 1 + index) * stats.stepMs,
    created: 0,
    confirmed: 0,
    declined: 0,
    cancelled: 0,
    p50: null,
    p95: null,
  }));
  return { ...stats, steps: [...stats.steps.slice(begun.length), ...begun] };
}

/** Whether a step has ended since the server counted, so that its count should be requested again. */
export const isOutdated = (stats: LiveStats, now: number): boolean => now >= Math.floor(stats.at / stats.stepMs + 1) * stats.stepMs;

function statusBefore(type: OrderEventType, captured: boolean): OrderStatus | null {
  switch (type) {
    case 'PAYMENT_CONFIRMED':
      return 'CREATED';
    case 'ORDER_DELIVERED':
      return 'CONFIRMED';
    case 'ORDER_CANCELLING':
      return captured ? 'CONFIRMED' : 'CREATED';
    case 'ORDER_CANCELLED':
      return 'CANCELLING';
    default:
      return null;
  }
}

function move(by: LiveStats['byStatus'], from: OrderStatus | null, to: OrderStatus): LiveStats['byStatus'] {
  return { ...by, ...(from ? { [from]: Math.max(0, by[from] - 1) } : {}), [to]: by[to] + 1 };
}

const digitsOf = (amount: string): number => amount.split('.')[1]?.length ?? 0;
