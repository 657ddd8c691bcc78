import { composeExchanges, makeOperation, type Exchange } from '@urql/core';
import { filter, pipe, tap } from 'wonka';
import { cacheExchange, type Cache, type CacheExchangeOpts, type Resolver } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import generated from '../gql/possible-types';

/** Types that are parts of what holds them, not objects with an identity of their own. */
const embedded = [
  'Money', 'OrderLine', 'PageInfo', 'MetadataEntry', 'Actor', 'PaymentNextAction', 'OrderUpdate',
  'OrderConnection', 'OrderEdge', 'ProductConnection', 'ProductEdge', 'OrderEventConnection', 'OrderEventEdge',
  'Stats', 'StatusCount', 'StatsPoint', 'Percentiles', 'PaymentConnection', 'ReconciliationEntry', 'ReconciliationEntryConnection',
  'WebhookEndpointConnection', 'WebhookDeliveryConnection', 'AuditEntryConnection',
];

interface FeedItem {
  kind: string;
  event?: { __typename: string; id: string; version: number } | null;
  order?: { __typename: 'Order'; id: string } | null;
}

/**
 * What was told of since the lists were read is kept beside them, each under a name of its own, and joins them when they are
 * read from the cache. Written into the lists themselves it would be lost now and then: the cache keeps what each answer and
 * each push wrote in layers while requests are under way, in an order of its own, and a list in a higher layer hides it.
 */
const told = (list: string) => ({ __typename: 'Told', id: list });
const tell = (cache: Cache, list: string, name: string, key: string | null) => cache.link(told(list), name, key);
const toldOf = (cache: Cache, list: string) =>
  cache.inspectFields(told(list)).flatMap(({ fieldName }) => {
    const key = cache.resolve(told(list), fieldName);
    return typeof key === 'string' ? [{ name: fieldName, key }] : [];
  });

const cacheConfig = (): CacheExchangeOpts => {
  return {
    logger: (severity, message) => {
      // Without the whole schema the cache tries every `... on` of an event and finds the others' fields missing: no news.
      // An optimistic answer says only what changes, and the rest is there already.
      if (severity !== 'debug' && !message.includes('Inline Fragment on') && !message.includes('optimistic result')) console[severity](message);
    },
    keys: Object.fromEntries(embedded.map((type) => [type, () => null])),
    possibleTypes: generated.possibleTypes,
    optimistic: {
      // Accepting is all that the server does at once; the cache takes it back when the answer is another or none.
      orderCancel: ({ input }) => ({
        __typename: 'OrderCancelPayload',
        order: { __typename: 'Order', id: (input as { orderId: string }).orderId, status: 'CANCELLING', availableActions: [] },
        userErrors: [],
      }),
    },
    resolvers: {
      // An order's history, however many pages of it were read, is one list.
      Order: { events: wholeHistory() },
      Query: {
        products: narrowedPages(),
        orders: currentOrders(),
        reconciliation: relayPagination(),
        orphanedCharges: relayPagination(),
        webhookDeliveries: relayPagination(),
        auditTrail: relayPagination(),
        // An order that a list, a mutation or a push brought is shown at once by its page; null stays null.
        order: (_parent, args, cache) => {
          const answered = cache.resolve('Query', 'order', args);
          return answered === undefined && args['id'] ? { __typename: 'Order', id: args['id'] as string } : (answered as string | null);
        },
      },
    },
    updates: {
      Mutation: {
        orderCreate: (result, _args, cache) => tellOfOrder(cache, (result['orderCreate'] as FeedItem).order),
      },
      Subscription: {
        orderEvents: (result, _args, cache) => {
          const item = result['orderEvents'] as unknown as FeedItem;
          if (item.kind === 'RESET' && item.order) forgetHistory(cache, item.order);
          tellOfEvent(cache, item);
        },
        orderFeed: (result, _args, cache) => {
          const item = result['orderFeed'] as unknown as FeedItem;
          // The lists are read anew, from a database that may have been put back: what was told before is no more than a rumour.
          if (item.kind === 'RESET') forgetTold(cache, 'orders');
          tellOfEvent(cache, item);
          tellOfOrder(cache, item.order);
        },
      },
    },
  };
};

/**
 * An answer is shown as of the layer that it was written to, without what was pushed meanwhile and lies in a higher one, and
 * the cache does not come back to it by itself. So each answer is looked at once more as the whole cache has it.
 */
const lookAgain: Exchange = ({ client, forward }) => (operations) =>
  pipe(
    forward(operations),
    filter(({ operation, data }) => operation.context.requestPolicy !== 'cache-only' || (data !== null && data !== undefined)),
    tap(({ operation, data }) => {
      const { kind, context } = operation;
      const answered = context.meta?.cacheOutcome === undefined || context.meta.cacheOutcome === 'miss';
      if (kind !== 'query' || !data || !answered) return;
      // Once the answer has been handed on: until then the client takes the operation for one that is under way, and drops another.
      queueMicrotask(() => client.reexecuteOperation(makeOperation(kind, operation, { ...context, requestPolicy: 'cache-only' })));
    }),
  );

/** The cache of everything that the app reads, between its documents and the server. */
export const orderCache = (): Exchange => composeExchanges([lookAgain, cacheExchange(cacheConfig())]);

function forgetTold(cache: Cache, list: string): void {
  for (const { name } of toldOf(cache, list)) tell(cache, list, name, null);
}

/** A history that the server does not vouch for any more is read anew by the page that shows it. */
function forgetHistory(cache: Cache, order: NonNullable<FeedItem['order']>): void {
  forgetTold(cache, order.id);
  for (const { fieldName, arguments: args } of cache.inspectFields(order)) {
    if (fieldName === 'events') cache.invalidate(order, fieldName, args ?? undefined);
  }
}

function tellOfOrder(cache: Cache, order: FeedItem['order']): void {
  const key = order && cache.keyOfEntity(order);
  if (key) tell(cache, 'orders', order.id, key);
}

/** Nothing is kept for a history that no page has loaded. */
function tellOfEvent(cache: Cache, { event, order }: FeedItem): void {
  const key = event && cache.keyOfEntity(event);
  if (!key || !order || !cache.inspectFields(order).some(({ fieldName }) => fieldName === 'events')) return;
  tell(cache, order.id, `v${event.version}`, key);
}

/** An order's history: its loaded pages, and the events told of that follow them without a gap. What is missing between the two the page reads itself. */
function wholeHistory(): Resolver {
  const merge = relayPagination();
  return (parent, args, cache, info) => {
    const loaded = merge(parent, args, cache, info);
    if (!isConnection(loaded) || resolvedField(cache, loaded.pageInfo, 'hasNextPage') === true) return loaded;
    const nodes = [...loaded.nodes];
    let version = nodes.length > 0 ? Number(cache.resolve(nodes.at(-1)!, 'version')) : 0;
    const events = new Map(toldOf(cache, String(parent['id'] ?? cache.resolve(info.parentKey, 'id'))).map(({ name, key }) => [name, key]));
    for (let next; (next = events.get(`v${version + 1}`)); version++) nodes.push(next);
    return { ...loaded, nodes } as typeof loaded;
  };
}

/**
 * The loaded pages of a list of orders, and the orders told of: each list has those whose state meets its filter, newest first.
 * Lists that are filtered by more than the status are left to the server.
 */
function currentOrders(): Resolver {
  const merge = narrowedPages();
  return (parent, args, cache, info) => {
    const loaded = merge(parent, args, cache, info);
    const { status, ...others } = (args['filter'] ?? {}) as { status?: string[] | null };
    if (!isConnection(loaded) || Object.values(others).some((condition) => condition !== null && condition !== undefined)) return loaded;
    const meets = (key: string) => !status || status.length === 0 || status.includes(String(cache.resolve(key, 'status')));
    const createdAt = (key: string) => String(cache.resolve(key, 'createdAt'));
    const known = new Set(loaded.nodes);
    // What is older than all that is loaded comes with a page that is still to be loaded.
    const last = loaded.nodes.at(-1);
    const end = last && resolvedField(cache, loaded.pageInfo, 'hasNextPage') === true ? createdAt(last) : '';
    const later = toldOf(cache, 'orders').map(({ key }) => key).filter((key) => !known.has(key) && createdAt(key) > end);
    const nodes = [...loaded.nodes, ...later].filter(meets);
    if (later.length > 0) nodes.sort((a, b) => (createdAt(a) < createdAt(b) ? 1 : createdAt(a) > createdAt(b) ? -1 : 0));
    return { ...loaded, nodes } as typeof loaded;
  };
}

/**
 * All loaded pages of a list as one. A page of a narrowed list may be empty although the list goes on: relayPagination leaves
 * empty pages out, and with them the cursor that leads on, so the end comes from the last page itself.
 */
function narrowedPages(): Resolver {
  const merge = relayPagination();
  return (parent, args, cache, info) => {
    const merged = merge(parent, args, cache, info);
    const narrowing = JSON.stringify(args['filter'] ?? null);
    const pages = cache.inspectFields(info.parentKey).flatMap(({ fieldName, arguments: its }) => {
      const connection = fieldName === info.fieldName && JSON.stringify(its?.['filter'] ?? null) === narrowing ? cache.resolve(info.parentKey, fieldName, its ?? undefined) : null;
      return typeof connection === 'string' ? [{ after: (its?.['after'] as string | null | undefined) ?? null, connection }] : [];
    });
    const last = inOrder(cache, pages).at(-1);
    const end = last && cache.resolve(last, 'pageInfo');
    if (!merged || typeof merged !== 'object' || !('pageInfo' in merged) || typeof end !== 'string') return merged;
    const pageInfo = { ...(merged.pageInfo as object), endCursor: cache.resolve(end, 'endCursor'), hasNextPage: cache.resolve(end, 'hasNextPage') };
    return { ...merged, pageInfo } as typeof merged;
  };
}

/** A connection as a resolver gives it: keys of its nodes, and its page's end as an object or a key. */
interface Connection {
  readonly nodes: string[];
  readonly pageInfo: unknown;
}
const isConnection = (value: unknown): value is Connection => typeof value === 'object' && value !== null && Array.isArray((value as Partial<Connection>).nodes);
const resolvedField = (cache: Cache, of: unknown, field: string) => (typeof of === 'string' ? cache.resolve(of, field) : (of as Record<string, unknown> | null)?.[field]);

/** The pages of one list from its first on, each found by its predecessor's end cursor. */
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
