import type { Exchange } from 'urql';
import { map, pipe } from 'wonka';

type Fields = Record<string, unknown>;
interface KnownOrder {
  /** The order's newest version seen, and its fields as of then. */
  version: number;
  state: Fields;
  /** Its events seen, by version. */
  readonly events: Map<number, unknown>;
}

/** The newest that is known of each order, by id. */
export type Newest = Map<string, KnownOrder>;

/**
 * Keeps older news from overwriting newer. Answers and pushes travel separate ways, so the answer to a query or mutation may
 * arrive after the push of a later version; every order in a result that is behind the newest seen, and every history that
 * ends before the events seen, is brought up to them before the cache writes it. An order's version decides, never the
 * time of arrival.
 *
 * It goes between the cache and the transports. Documents must select `id` and `version` with whatever can change.
 */
export function versionGuard(): Exchange {
  const newest: Newest = new Map();
  return ({ forward }) =>
    (operations) =>
      pipe(
        forward(operations),
        map((result) => {
          if (!result.data) return result;
          forgetReset(result.data, newest);
          return { ...result, data: refresh(result.data, newest) };
        }),
      );
}

/** RESET says that the log is another one, such as after a restore: what was known of the order, in a feed of every order, counts no more, however new it was. */
export function forgetReset(data: unknown, newest: Newest): void {
  for (const item of Object.values(isObject(data) ? data : {})) {
    if (!isObject(item) || item['kind'] !== 'RESET') continue;
    if (isVersioned(item['order'])) newest.delete(item['order'].id);
    else newest.clear();
  }
}

/** Copies a result with each order and history as new as is known, which it also learns. */
export function refresh(value: unknown, newest: Newest): unknown {
  if (Array.isArray(value)) return value.map((item) => refresh(item, newest));
  if (!isObject(value)) return value;
  const copy: Fields = {};
  for (const [name, field] of Object.entries(value)) copy[name] = refresh(field, newest);
  const { order, event } = copy;
  if (isVersioned(order) && isObject(event)) newest.get(order.id)?.events.set(Number(event['version']), event);
  return copy['__typename'] === 'Order' && isVersioned(copy) ? refreshOrder(copy, newest) : copy;
}

function refreshOrder(order: Fields & Versioned, newest: Newest): Fields {
  const { events: history, ...state } = order;
  let known = newest.get(order.id);
  if (!known) newest.set(order.id, (known = { version: order.version, state, events: new Map() }));
  if (order.version > known.version) {
    known.version = order.version;
    known.state = state;
  } else if (order.version === known.version) {
    known.state = { ...known.state, ...state }; // another selection of the same version: keep the sum
  }
  const fresh = { ...order, ...(order.version < known.version ? known.state : {}) };
  if (!isObject(history) || !Array.isArray(history['nodes'])) return fresh;
  // A page that others follow ends where it ends.
  const { pageInfo } = history;
  const nodes = history['nodes'] as Versioned[];
  const followed = isObject(pageInfo) && pageInfo['hasNextPage'] === true;
  return { ...fresh, events: { ...history, nodes: followed ? nodes : extend(nodes, known.events) } };
}

/** A history, continued by the events known to follow it without a gap. */
function extend(nodes: readonly Versioned[], events: Map<number, unknown>): unknown[] {
  for (const event of nodes) events.set(event.version, event);
  const whole: unknown[] = [...nodes];
  for (let version = (nodes.at(-1)?.version ?? 0) + 1; events.has(version); version++) whole.push(events.get(version));
  return whole;
}

interface Versioned {
  readonly id: string;
  readonly version: number;
}

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const isVersioned = (value: unknown): value is Fields & Versioned =>
  isObject(value) && typeof value['id'] === 'string' && typeof value['version'] === 'number';
