import { createClient, type Client, type ClientOptions } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Server } from '../e2e/server';
import { deferred, events, orderMutation, Shopper, walk, watchFeed, watchOrder, type Item, type OrderCreated } from './shop';

let server: Server;
let ada: Shopper;
let clients: Client[] = [];

beforeAll(async () => {
  server = await Server.start({ payment: '200ms', delivery: '200ms' });
  ada = await Shopper.signIn(server.url);
});
afterEach(async () => {
  const open = clients;
  clients = [];
  await Promise.all(open.map(async (client) => client.dispose()));
});
afterAll(async () => server.stop());

/** The stock client with its defaults. It records close codes, and retries without the default pause of a second or more. */
function connect(options: Partial<ClientOptions> = {}): { client: Client; closes: CloseEvent[] } {
  const closes: CloseEvent[] = [];
  const client = createClient({
    url: ada.socketUrl,
    webSocketImpl: WebSocket,
    connectionParams: () => ada.credentials,
    retryWait: async () => undefined,
    ...options,
    on: { ...options.on, closed: (event) => void closes.push(event as CloseEvent) },
  });
  clients.push(client);
  return { client, closes };
}

/** The items of a subscription up to the order's delivery. */
async function untilDelivered(client: Client, variables: Record<string, unknown>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const { data } of client.iterate<{ update: Item }>({ query: watchOrder, variables })) {
    if (!data) throw new Error('an item without data');
    items.push(data.update);
    if (data.update.order?.status === 'DELIVERED') return items;
  }
  throw new Error(`the stream ended after ${JSON.stringify(items)}`);
}

for (const lazy of [true, false]) {
  test(`a ${lazy ? 'lazy' : 'eager'} client watches an order to its delivery`, async () => {
    const { client, closes } = connect({ lazy, lazyCloseTimeout: 0 });
    const id = await ada.order();
    const items = await untilDelivered(client, { id });
    expect(items[0]!.kind).toBe('SNAPSHOT');
    expect(events(items)).toEqual(walk.slice(items[0]!.order!.version));
    await client.dispose();
    await expect.poll(() => closes.map(({ code }) => code)).toEqual([1000]);
  });
}

test('a client resumes after a cursor', async () => {
  const { client } = connect();
  const id = await ada.order();
  const [snapshot, ...rest] = await untilDelivered(client, { id });
  expect(events(await untilDelivered(client, { id, after: snapshot!.cursor }))).toEqual(events(rest));
});

test('queries and mutations run over the socket', async () => {
  const { client } = connect();
  const created = await client.iterate<OrderCreated & Record<string, unknown>>({ query: orderMutation, variables: await ada.orderInput() }).next();
  const id = (created.value as { data: OrderCreated }).data.orderCreate.order.id;
  const read = await client.iterate({ query: 'query ($id: ID!) { order(id: $id) { id } }', variables: { id } }).next();
  expect(read.value).toEqual({ data: { order: { id } } });
});

test('a refusal is an error of that operation alone', async () => {
  const grace = await Shopper.signIn(server.url);
  const { client, closes } = connect({ connectionParams: () => grace.credentials });
  const watching = client.iterate<{ update: Item }>({ query: watchFeed });
  await watching.next();
  for (const query of ['{ nothing }', '{ products', 'subscription { orderEvents(orderId: "order_00000000000000000000000000") { kind } }']) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other on one socket
    await expect(client.iterate({ query }).next()).rejects.toMatchObject([{ message: expect.any(String), extensions: { code: expect.any(String) } }]);
  }
  const id = await grace.order();
  const { value } = await watching.next();
  expect(value).toMatchObject({ data: { update: { order: { id } } } });
  expect(closes).toEqual([]);
});

test('4403: a client whose token has expired reconnects with a new one', async () => {
  const tokens = [await Shopper.signIn(server.url, { ttlSeconds: 1 }), ada];
  let attempts = 0;
  const { client, closes } = connect({ connectionParams: () => tokens[Math.min(attempts++, 1)]!.credentials });
  const stream = client.iterate<{ update: Item }>({ query: watchFeed });
  await stream.next();
  const again = await stream.next(); // without a cursor: a fresh SNAPSHOT
  expect(again.value).toMatchObject({ data: { update: { kind: 'SNAPSHOT' } } });
  expect(closes.map(({ code }) => code)).toEqual([4403]);
});

test('4403: a client whose token is refused tries again', async () => {
  const tokens = [{ authorization: 'Bearer nonsense' }, ada.credentials];
  let attempts = 0;
  const { client, closes } = connect({ connectionParams: () => tokens[Math.min(attempts++, 1)]! });
  await untilDelivered(client, { id: await ada.order() });
  expect(closes.map(({ code }) => code)).toEqual([4403]);
});

test('4408: a client that sent connection_init too late tries again', async () => {
  let attempts = 0;
  const closed = deferred<Record<string, string>>();
  const { client, closes } = connect({
    connectionParams: async () => (attempts++ === 0 ? closed.promise : ada.credentials),
    on: { opened: (socket) => (socket as WebSocket).addEventListener('close', () => closed.resolve({})) },
  });
  await untilDelivered(client, { id: await ada.order() });
  expect(closes.map(({ code, reason }) => `${code} ${reason}`)).toEqual(['4408 Connection initialisation timeout']);
});

test('4400: a client that breaks the protocol gives up', async () => {
  const { client, closes } = connect({ on: { connected: (socket) => (socket as WebSocket).send('hello') } });
  await expect(client.iterate({ query: watchFeed }).next()).rejects.toMatchObject({ code: 4400 });
  expect(closes).toHaveLength(1);
});

test('a ping with a token renews the session on the open socket', async () => {
  const user = 'peer-renewed';
  const [short, long] = [await Shopper.signIn(server.url, { user, ttlSeconds: 600 }), await Shopper.signIn(server.url, { user })];
  const renewed = deferred<unknown>();
  const { client, closes } = connect({
    lazy: false,
    connectionParams: () => short.credentials,
    on: {
      connected: (socket) => (socket as WebSocket).send(JSON.stringify({ type: 'ping', payload: long.credentials })),
      pong: (received, payload) => void (received && renewed.resolve(payload)),
    },
  });
  expect(await renewed.promise).toEqual({ expiresAt: long.expiresAt });
  expect((await client.iterate({ query: '{ viewer { role } }' }).next()).value).toEqual({ data: { viewer: { role: 'CUSTOMER' } } });
  expect(closes).toEqual([]);
});
