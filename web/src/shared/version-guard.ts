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
 * It belongs between the cache and the transports. Documents must select `id` and `version` with every field that can change, and a feed must
 * select all that mutations and pages of its user select and that can change: what no newer result has selected stays as old as the answer.
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
    known.state = raise(known.state, state) as Fields; // another selection of the same version: merge the fields
  }
  const fresh = order.version < known.version ? (raise(order, known.state) as Fields) : order;
  if (!isObject(history) || !Array.isArray(history['nodes'])) return fresh;
  // A page with a successor must not be extended.
  const { pageInfo } = history;
  const nodes = history['nodes'] as Versioned[];
  const hasNextPage = isObject(pageInfo) && pageInfo['hasNextPage'] === true;
  return { ...fresh, events: { ...history, nodes: hasNextPage ? nodes : extend(nodes, known.events) } };
}

/**
 * The newer value, with the fields that only the older one has selected. Objects in lists are matched by id, those without one by their
 * place. An object with another id is not the same object: it is replaced.
 */
function raise(older: unknown, newer: unknown): unknown {
  if (Array.isArray(older) && Array.isArray(newer)) {
    const byId = new Map(older.flatMap((element: unknown) => (isObject(element) && element['id'] !== undefined ? [[element['id'], element] as const] : [])));
    return newer.map((element: unknown, place) => {
      const counterpart = isObject(element) && element['id'] !== undefined ? byId.get(element['id']) : older.length === newer.length ? older[place] : undefined;
      return raise(counterpart, element);
    });
  }
  if (!isObject(older) || !isObject(newer) || older['id'] !== newer['id']) return newer;
  const raised: Fields = { ...older };
  for (const [name, field] of Object.entries(newer)) raised[name] = raise(older[name], field);
  return raised;
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
