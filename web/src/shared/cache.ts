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

interface FeedOrder {
  __typename: 'Order';
  id: string;
  status: string;
  createdAt: string;
}
interface FeedItem {
  kind: string;
  event?: { __typename: string; id: string; version: number } | null;
  order?: FeedOrder | null;
}

/** How many of the orders that were told of last are remembered for lists that are still being read. */
const remembered = 500;

const cacheConfig = (): CacheExchangeOpts => {
  const told = new Map<string, FeedOrder>();
  const place = (cache: Cache, order: FeedOrder) => {
    told.delete(order.id);
    told.set(order.id, order);
    if (told.size > remembered) told.delete(told.keys().next().value!);
    placeOrder(cache, order);
  };
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
      Order: { events: relayPagination() },
      Query: {
        products: narrowedPages(),
        orders: narrowedPages(),
        reconciliation: relayPagination(),
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
      Query: {
        // What was told while a list was being read is not in the answer, or not as it is now.
        orders: (_result, _args, cache) => {
          for (const order of told.values()) placeOrder(cache, { ...order, status: String(cache.resolve({ __typename: 'Order', id: order.id }, 'status')) });
        },
      },
      Mutation: {
        orderCreate: (result, _args, cache) => {
          const order = (result['orderCreate'] as { order?: FeedOrder | null }).order;
          if (order) place(cache, order);
        },
      },
      Subscription: {
        orderEvents: (result, _args, cache) => record(cache, result['orderEvents'] as unknown as FeedItem),
        orderFeed: (result, _args, cache) => {
          const item = result['orderFeed'] as unknown as FeedItem;
          record(cache, item);
          if (item.order) place(cache, item.order);
        },
      },
    },
  };
};

export const orderCache = () => cacheExchange(cacheConfig());

/** Adds a pushed event to the last loaded page of the order's history, if it is the next one; what is missing between the two the page reads itself. */
function record(cache: Cache, { event, order }: FeedItem): void {
  if (!event || !order) return;
  const owner = { __typename: 'Order', id: order.id };
  const key = cache.keyOfEntity(event);
  let last: { page: string; nodes: string[]; version: number } | null = null;
  for (const { fieldName, arguments: args } of cache.inspectFields(owner)) {
    const page = fieldName === 'events' ? cache.resolve(owner, 'events', args ?? undefined) : null;
    const nodes = typeof page === 'string' ? cache.resolve(page, 'nodes') : null;
    if (typeof page !== 'string' || !Array.isArray(nodes)) continue;
    const version = nodes.length > 0 ? Number(cache.resolve(nodes[nodes.length - 1] as string, 'version')) : 0;
    if (!last || version > last.version) last = { page, nodes: nodes as string[], version };
  }
  if (last && key && event.version === last.version + 1) cache.link(last.page, 'nodes', [...last.nodes, key]);
}

/**
 * Brings every loaded list of orders in line with an order's new state: into the lists whose filter it meets, newest first,
 * and out of the others. Lists that are filtered by more than the status are left to the server.
 */
function placeOrder(cache: Cache, order: FeedOrder): void {
  const key = cache.keyOfEntity({ __typename: 'Order', id: order.id });
  if (!key) return;
  const lists = new Map<string, { after: string | null; connection: string }[]>();
  for (const { fieldName, arguments: args } of cache.inspectFields('Query')) {
    if (fieldName !== 'orders') continue;
    const connection = cache.resolve('Query', 'orders', args ?? undefined);
    if (typeof connection !== 'string') continue;
    const filter = JSON.stringify(args?.['filter'] ?? {});
    const pages = lists.get(filter) ?? [];
    pages.push({ after: (args?.['after'] as string | null | undefined) ?? null, connection });
    lists.set(filter, pages);
  }
  for (const [text, pages] of lists) {
    const filter = JSON.parse(text) as Record<string, unknown>;
    const { status, ...others } = filter as { status?: string[] | null };
    if (Object.values(others).some((condition) => condition !== null && condition !== undefined)) continue;
    const meets = !status || status.length === 0 || status.includes(order.status);
    placeInPages(cache, inOrder(cache, pages), key, order, meets);
  }
}

function placeInPages(cache: Cache, pages: string[], key: string, order: FeedOrder, meets: boolean): void {
  const keysOf = (page: string) => (cache.resolve(page, 'nodes') ?? []) as string[];
  const holder = pages.find((page) => keysOf(page).includes(key));
  if (holder) {
    if (!meets) cache.link(holder, 'nodes', keysOf(holder).filter((other) => other !== key));
    return;
  }
  if (!meets) return;
  for (const page of pages) {
    const keys = keysOf(page);
    const before = keys.findIndex((other) => String(cache.resolve(other, 'createdAt')) < order.createdAt);
    if (before < 0) continue;
    cache.link(page, 'nodes', [...keys.slice(0, before), key, ...keys.slice(before)]);
    return;
  }
  // Older than all that is loaded: it belongs at the end, or to a page that will be loaded with it.
  const last = pages.at(-1);
  const info = last && cache.resolve(last, 'pageInfo');
  const more = typeof info === 'string' && cache.resolve(info, 'hasNextPage') === true;
  if (last && !more) cache.link(last, 'nodes', [...keysOf(last), key]);
}

/**
 * All loaded pages of a list as one. A page of a narrowed list may be empty although the list goes on: relayPagination leaves
 * empty pages out, and with them the cursor that leads on, so the end comes from the last page itself.
 */
function narrowedPages(): Resolver {
  const merge = relayPagination();
  return (parent, args, cache, info) => {
    const merged = merge(parent, args, cache, info);
    const filter = JSON.stringify(args['filter'] ?? null);
    const pages = cache.inspectFields(info.parentKey).flatMap(({ fieldName, arguments: its }) => {
      const connection = fieldName === info.fieldName && JSON.stringify(its?.['filter'] ?? null) === filter ? cache.resolve(info.parentKey, fieldName, its ?? undefined) : null;
      return typeof connection === 'string' ? [{ after: (its?.['after'] as string | null | undefined) ?? null, connection }] : [];
    });
    const last = inOrder(cache, pages).at(-1);
    const end = last && cache.resolve(last, 'pageInfo');
    if (!merged || typeof merged !== 'object' || !('pageInfo' in merged) || typeof end !== 'string') return merged;
    const pageInfo = { ...(merged.pageInfo as object), endCursor: cache.resolve(end, 'endCursor'), hasNextPage: cache.resolve(end, 'hasNextPage') };
    return { ...merged, pageInfo } as typeof merged;
  };
}

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
