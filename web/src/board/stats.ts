import type { OrderEventType, OrderStatus } from '../gql/graphql';

/** What happened within one step of the window. `confirmedMs`: how long confirmed orders took, null when none was. */
export interface Step {
  readonly at: number;
  readonly created: number;
  readonly confirmed: number;
  readonly declined: number;
  readonly cancelled: number;
  readonly p50: number | null;
  readonly p95: number | null;
}

/** The board's figures: what the server counted at `at`, and what the feed has brought since. Times in Unix milliseconds. */
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
  /** Ids of the events added since, so that one that comes twice counts once. */
  readonly seen: ReadonlySet<string>;
}

/** What an item of the feed says, as far as it is counted. */
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

/** Figures as `Query.stats` answers. */
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

/** Takes the server's count as the truth. */
export function counted(stats: ServerStats): LiveStats {
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

/** The moves between statuses that an event stands for. */
const arrives: Partial<Record<OrderEventType, OrderStatus>> = {
  ORDER_CREATED: 'CREATED',
  PAYMENT_CONFIRMED: 'CONFIRMED',
  ORDER_DELIVERED: 'DELIVERED',
  ORDER_CANCELLING: 'CANCELLING',
  ORDER_CANCELLED: 'CANCELLED',
};
const counts: Partial<Record<OrderEventType, 'created' | 'confirmed' | 'declined' | 'cancelled'>> = {
  ORDER_CREATED: 'created',
  PAYMENT_CONFIRMED: 'confirmed',
  PAYMENT_DECLINED: 'declined',
  ORDER_CANCELLED: 'cancelled',
};

/**
 * Adds what happened since. Percentiles cannot be added to: those of the whole window stay as counted, and a step that has
 * begun since takes the newest value for all of its own, until the server counts again.
 */
export function add(figures: LiveStats, { id, type, occurredAt, order }: StatsEvent): LiveStats {
  const at = Date.parse(occurredAt);
  if (at <= figures.at || figures.seen.has(id)) return figures;
  const moved = slide(figures, at);
  const created = Date.parse(order.createdAt);
  const next = { ...moved, seen: new Set(moved.seen).add(id) };
  const field = counts[type];
  if (field) {
    const took = type === 'PAYMENT_CONFIRMED' ? Math.max(0, at - created) : null;
    next.steps = moved.steps.map((step) =>
      at < step.at || at >= step.at + moved.stepMs
        ? step
        : { ...step, [field]: step[field] + 1, p50: step.p50 ?? took, p95: took === null ? step.p95 : Math.max(step.p95 ?? 0, took) },
    );
  }
  if (type === 'PAYMENT_CONFIRMED') {
    const { currency, amount, amountMinor } = order.total;
    const before = next.revenue[currency];
    next.revenue = { ...next.revenue, [currency]: { minor: (before?.minor ?? 0n) + BigInt(amountMinor), digits: digitsOf(amount) } };
  }
  if (type === 'ORDER_CREATED') next.inFlight++;
  if (type === 'ORDER_DELIVERED' || type === 'ORDER_CANCELLED') next.inFlight = Math.max(0, next.inFlight - 1);
  const to = arrives[type];
  // Only orders made within the window are counted by status.
  if (to && created >= (moved.steps[0]?.at ?? Infinity)) next.byStatus = move(next.byStatus, leaves(type, order.captured.amountMinor !== '0'), to);
  return next;
}

/** Lets time pass: steps that end make room for those that begin. */
export function slide(figures: LiveStats, now: number): LiveStats {
  const last = figures.steps.at(-1);
  if (!last || figures.stepMs <= 0 || now < last.at + figures.stepMs) return figures;
  const passed = Math.floor((now - last.at) / figures.stepMs);
  const length = Math.min(passed, figures.steps.length);
  const begun = Array.from({ length }, (_, index) => ({
    at: last.at + (passed - length + 1 + index) * figures.stepMs,
    created: 0,
    confirmed: 0,
    declined: 0,
    cancelled: 0,
    p50: null,
    p95: null,
  }));
  return { ...figures, steps: [...figures.steps.slice(begun.length), ...begun] };
}

/** Whether a step has ended since the server counted: then its count is worth asking for again. */
export const outdated = (figures: LiveStats, now: number): boolean => now >= Math.floor(figures.at / figures.stepMs + 1) * figures.stepMs;

function leaves(type: OrderEventType, captured: boolean): OrderStatus | null {
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
