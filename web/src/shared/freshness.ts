import type { Exchange } from 'urql';
import { map, pipe } from 'wonka';

interface VersionedOrder {
  readonly __typename: 'Order';
  readonly id: string;
  readonly version: number;
}

/**
 * Keeps older news from overwriting newer. Answers and pushes travel separate ways, so the answer to a query or mutation may
 * arrive after the push of a later version; every order in a result that is behind the newest seen is brought up to it
 * before the cache writes it. An order's version decides, never the time of arrival.
 *
 * It goes between the cache and the transports. Documents must select `id` and `version` with whatever can change.
 */
export function freshnessExchange(): Exchange {
  const newest = new Map<string, VersionedOrder>();
  return ({ forward }) =>
    (operations) =>
      pipe(
        forward(operations),
        map((result) => (result.data ? { ...result, data: refresh(result.data, newest) } : result)),
      );
}

/** Copies a result with each order at the newest version known, which it also learns. */
export function refresh(value: unknown, newest: Map<string, VersionedOrder>): unknown {
  if (Array.isArray(value)) return value.map((item) => refresh(item, newest));
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, field]) => [name, refresh(field, newest)]));
  if (!isOrder(copy)) return copy;
  const known = newest.get(copy.id);
  if (!known || copy.version >= known.version) {
    // Equal versions differ only in what was selected: keep the sum. A newer one replaces all that could have changed.
    newest.set(copy.id, known?.version === copy.version ? { ...known, ...copy } : copy);
    return copy;
  }
  const { events: _history, ...state } = known as VersionedOrder & { events?: unknown };
  return { ...copy, ...state };
}

function isOrder(value: Record<string, unknown>): value is Record<string, unknown> & VersionedOrder {
  return value['__typename'] === 'Order' && typeof value['id'] === 'string' && typeof value['version'] === 'number';
}
