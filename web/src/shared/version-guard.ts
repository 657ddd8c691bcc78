import type { Exchange } from 'urql';
import { map, pipe } from 'wonka';

type Fields = Record<string, unknown>;
interface KnownOrder {
  /** The newest version seen, and the order's fields at that version. */
  version: number;
  state: Fields;
  /** The events seen, by version. */
  readonly events: Map<number, unknown>;
}

/** The newest known state of each order, by id. */
export type Newest = Map<string, KnownOrder>;

/**
 * An exchange that keeps an older state from overwriting a newer one. Answers and pushes use separate connections, so the answer
 * to a query or mutation may arrive after the push of a later version. Before the cache writes a result, every order in it is
 * raised to the newest version seen, and every history is extended by the events seen. The order's version decides, never the
 * time of arrival.
 *
 * It belongs between the cache and the transports. Documents must select `id` and `version` with every field that can change.
 */
export function versionGuard(): Exchange {
  const newest: Newest = new Map();
  return ({ forward }) =>
    (operations) =>
      pipe(
        forward(operations),
        map((result) => {
          if (!result.data) return result;
          dropReset(result.data, newest);
          return { ...result, data: refresh(result.data, newest) };
        }),
      );
}

/** Drops the known state at a RESET, which means another log, such as after a restore: of the item's order, or in a feed of all orders. */
export function dropReset(data: unknown, newest: Newest): void {
  for (const item of Object.values(isObject(data) ? data : {})) {
    if (!isObject(item) || item['kind'] !== 'RESET') continue;
    if (isVersioned(item['order'])) newest.delete(item['order'].id);
    else newest.clear();
  }
}

/** Copies a result with each order and history in its newest known state, and records newer ones. */
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
    known.state = { ...known.state, ...state }; // another selection of the same version: merge the fields
  }
  const fresh = { ...order, ...(order.version < known.version ? known.state : {}) };
  if (!isObject(history) || !Array.isArray(history['nodes'])) return fresh;
  // A page with a successor must not be extended.
  const { pageInfo } = history;
  const nodes = history['nodes'] as Versioned[];
  const hasNextPage = isObject(pageInfo) && pageInfo['hasNextPage'] === true;
  return { ...fresh, events: { ...history, nodes: hasNextPage ? nodes : extend(nodes, known.events) } };
}

/** A history, extended by the known events up to the first gap. */
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
