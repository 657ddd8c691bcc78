import { composeExchanges, makeOperation, type Exchange } from '@urql/core';
import { filter, pipe, tap } from 'wonka';
import { cacheExchange, type Cache, type CacheExchangeOpts, type Resolver } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import generated from '../gql/possible-types';

/** Types without an identity of their own: the cache embeds them in their parents. */
export const embedded: readonly string[] = [
  'Money', 'OrderLine', 'RefundLine', 'PageInfo', 'MetadataEntry', 'Actor', 'PaymentNextAction', 'OrderUpdate',
  'OrderConnection', 'OrderEdge', 'ProductConnection', 'ProductEdge', 'OrderEventConnection', 'OrderEventEdge',
  'Stats', 'StatusCount', 'StatsPoint', 'Percentiles', 'PaymentConnection', 'ReconciliationEntry', 'ReconciliationEntryConnection',
  'WebhookEndpointConnection', 'WebhookReplay', 'WebhookDeliveryConnection', 'AuditEntryConnection', 'OrphanedCharge',
];

interface FeedItem {
  kind: string;
  event?: { __typename: string; id: string; version: number } | null;
  order?: { __typename: 'Order'; id: string } | null;
}

/**
 * Pushed items are kept beside the lists, each under a field of its own, and join a list when it is read from the cache.
 * Written into the list itself, an item could be lost: while requests are under way, the cache keeps the writes of each answer
 * and push in layers of its own order, and a list in a higher layer hides the item.
 */
const pushed = (list: string) => ({ __typename: 'Pushed', id: list });
const addPushed = (cache: Cache, list: string, name: string, key: string | null) => cache.link(pushed(list), name, key);
const pushedTo = (cache: Cache, list: string) =>
  cache.inspectFields(pushed(list)).flatMap(({ fieldName }) => {
    const key = cache.resolve(pushed(list), fieldName);
    return typeof key === 'string' ? [{ name: fieldName, key }] : [];
  });

const cacheConfig = (): CacheExchangeOpts => {
  return {
    logger: (severity, message) => {
      // Both warnings are expected: without the schema the cache tries every inline fragment of an event, and an optimistic
      // answer has only the fields that change.
      if (severity !== 'debug' && !message.includes('Inline Fragment on') && !message.includes('optimistic result')) console[severity](message);
    },
    keys: Object.fromEntries(embedded.map((type) => [type, () => null])),
    possibleTypes: generated.possibleTypes,
    optimistic: {
      // The server's answer replaces this; a refusal or an error removes it.
      orderCancel: ({ input }) => ({
        __typename: 'OrderCancelPayload',
        order: { __typename: 'Order', id: (input as { orderId: string }).orderId, status: 'CANCELLING', availableActions: [] },
        userErrors: [],
      }),
    },
    resolvers: {
      // The pages of an order's history are one list.
      Order: { events: wholeHistory() },
      Query: {
        products: mergedPages(),
        orders: currentOrders(),
        reconciliation: relayPagination(),
        orphanedCharges: relayPagination(),
        webhookDeliveries: relayPagination(),
        auditTrail: relayPagination(),
        // The page of an order that a list, a mutation or a push brought shows it at once. A null answer stays null.
        order: (_parent, args, cache) => {
          const answered = cache.resolve('Query', 'order', args);
          return answered === undefined && args['id'] ? { __typename: 'Order', id: args['id'] as string } : (answered as string | null);
        },
      },
    },
    updates: {
      Mutation: {
        orderCreate: (result, _args, cache) => addPushedOrder(cache, (result['orderCreate'] as FeedItem).order),
      },
      Subscription: {
        orderEvents: (result, _args, cache) => {
          const item = result['orderEvents'] as unknown as FeedItem;
          if (item.kind === 'RESET' && item.order) removeHistory(cache, item.order);
          addPushedEvent(cache, item);
        },
        orderFeed: (result, _args, cache) => {
          const item = result['orderFeed'] as unknown as FeedItem;
          // The database may have been restored: the lists are read again, and orders pushed before may not exist any more.
          if (item.kind === 'RESET') removePushed(cache, 'orders');
          addPushedEvent(cache, item);
          addPushedOrder(cache, item.order);
        },
      },
    },
  };
};

/**
 * The cache returns an answer as of the layer it was written to, without items that were pushed meanwhile into a higher layer,
 * and does not update the result afterwards. So each answered query is read once more from the whole cache.
 */
const rereadAnswers: Exchange = ({ client, forward }) => (operations) =>
  pipe(
    forward(operations),
    filter(({ operation, data }) => operation.context.requestPolicy !== 'cache-only' || (data !== null && data !== undefined)),
    tap(({ operation, data }) => {
      const { kind, context } = operation;
      const answered = context.meta?.cacheOutcome === undefined || context.meta.cacheOutcome === 'miss';
      if (kind !== 'query' || !data || !answered) return;
      // In a microtask, after the answer was delivered: until then the client drops a repeated operation as already running.
      queueMicrotask(() => client.reexecuteOperation(makeOperation(kind, operation, { ...context, requestPolicy: 'cache-only' })));
    }),
  );

/** The normalised cache of all queries and subscriptions. */
export const orderCache = (): Exchange => composeExchanges([rereadAnswers, cacheExchange(cacheConfig())]);

function removePushed(cache: Cache, list: string): void {
  for (const { name } of pushedTo(cache, list)) addPushed(cache, list, name, null);
}

/** Removes a history that may no longer be true, so that the page that shows it loads it again. */
function removeHistory(cache: Cache, order: NonNullable<FeedItem['order']>): void {
  removePushed(cache, order.id);
  for (const { fieldName, arguments: args } of cache.inspectFields(order)) {
    if (fieldName === 'events') cache.invalidate(order, fieldName, args ?? undefined);
  }
}

function addPushedOrder(cache: Cache, order: FeedItem['order']): void {
  const key = order && cache.keyOfEntity(order);
  if (key) addPushed(cache, 'orders', order.id, key);
}

/** Keeps a pushed event for its order's history, if a page has loaded that. */
function addPushedEvent(cache: Cache, { event, order }: FeedItem): void {
  const key = event && cache.keyOfEntity(event);
  if (!key || !order || !cache.inspectFields(order).some(({ fieldName }) => fieldName === 'events')) return;
  addPushed(cache, order.id, `v${event.version}`, key);
}

/** An order's history: its loaded pages, followed by the pushed events up to the first gap. use-live-order.ts loads what is missing in a gap. */
function wholeHistory(): Resolver {
  const merge = relayPagination();
  return (parent, args, cache, info) => {
    const loaded = merge(parent, args, cache, info);
    if (!isConnection(loaded) || resolvedField(cache, loaded.pageInfo, 'hasNextPage') === true) return loaded;
    const nodes = [...loaded.nodes];
    let version = nodes.length > 0 ? Number(cache.resolve(nodes.at(-1)!, 'version')) : 0;
    const events = new Map(pushedTo(cache, String(parent['id'] ?? cache.resolve(info.parentKey, 'id'))).map(({ name, key }) => [name, key]));
    for (let next; (next = events.get(`v${version + 1}`)); version++) nodes.push(next);
    return { ...loaded, nodes } as typeof loaded;
  };
}

/**
 * A list of orders: its loaded pages and the pushed orders, those with a status of its filter, newest first. Pushed orders do
 * not join a list with any other filter, which only the server can evaluate.
 */
function currentOrders(): Resolver {
  const merge = mergedPages();
  return (parent, args, cache, info) => {
    const loaded = merge(parent, args, cache, info);
    const { status, ...others } = (args['filter'] ?? {}) as { status?: string[] | null };
    if (!isConnection(loaded) || Object.values(others).some((condition) => condition !== null && condition !== undefined)) return loaded;
    const matches = (key: string) => !status || status.length === 0 || status.includes(String(cache.resolve(key, 'status')));
    const createdAt = (key: string) => String(cache.resolve(key, 'createdAt'));
    const known = new Set(loaded.nodes);
    // An order older than all loaded ones comes with a later page.
    const last = loaded.nodes.at(-1);
    const end = last && resolvedField(cache, loaded.pageInfo, 'hasNextPage') === true ? createdAt(last) : '';
    const later = pushedTo(cache, 'orders').map(({ key }) => key).filter((key) => !known.has(key) && createdAt(key) > end);
    const nodes = [...loaded.nodes, ...later].filter(matches);
    if (later.length > 0) nodes.sort((a, b) => (createdAt(a) < createdAt(b) ? 1 : createdAt(a) > createdAt(b) ? -1 : 0));
    return { ...loaded, nodes } as typeof loaded;
  };
}

/**
 * All loaded pages of a list as one. A page of a filtered list may be empty although more pages follow. relayPagination drops
 * empty pages and with them the cursor of the next page, so `pageInfo` is taken from the last loaded page.
 */
function mergedPages(): Resolver {
  const merge = relayPagination();
  return (parent, args, cache, info) => {
    const merged = merge(parent, args, cache, info);
    const wanted = JSON.stringify(args['filter'] ?? null);
    const pages = cache.inspectFields(info.parentKey).flatMap(({ fieldName, arguments: its }) => {
      const connection = fieldName === info.fieldName && JSON.stringify(its?.['filter'] ?? null) === wanted ? cache.resolve(info.parentKey, fieldName, its ?? undefined) : null;
      return typeof connection === 'string' ? [{ after: (its?.['after'] as string | null | undefined) ?? null, connection }] : [];
    });
    const last = inOrder(cache, pages).at(-1);
    const end = last && cache.resolve(last, 'pageInfo');
    if (!merged || typeof merged !== 'object' || !('pageInfo' in merged) || typeof end !== 'string') return merged;
    const pageInfo = { ...(merged.pageInfo as object), endCursor: cache.resolve(end, 'endCursor'), hasNextPage: cache.resolve(end, 'hasNextPage') };
    return { ...merged, pageInfo } as typeof merged;
  };
}

/** A connection as a resolver returns it: keys of its nodes, and `pageInfo` as an object or a key. */
interface Connection {
  readonly nodes: string[];
  readonly pageInfo: unknown;
}
const isConnection = (value: unknown): value is Connection => typeof value === 'object' && value !== null && Array.isArray((value as Partial<Connection>).nodes);
const resolvedField = (cache: Cache, of: unknown, field: string) => (typeof of === 'string' ? cache.resolve(of, field) : (of as Record<string, unknown> | null)?.[field]);

/** Sorts the pages of one list: each page begins after its predecessor's end cursor. */
function inOrder(cache: Cache, pages: { after: string | null; connection: string }[]): string[] {
  const sorted: string[] = [];
  let after: string | null = null;
  for (let step = 0; step < pages.length; step++) {
    const page = pages.find((candidate) => candidate.after === after);
    if (!page) break;
    sorted.push(page.connection);
    const info = cache.resolve(page.connection, 'pageInfo');
    const cursor = typeof info === 'string' ? cache.resolve(info, 'endCursor') : null;
    if (typeof cursor !== 'string') break;
    after = cursor;
  }
  return sorted;
}
