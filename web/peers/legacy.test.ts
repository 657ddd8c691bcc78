import { SubscriptionClient } from 'subscriptions-transport-ws';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Server } from '../e2e/server';
import { deferred, events, orderMutation, Shopper, walk, watchOrder, type Item, type OrderCreated } from './shop';
import { PatientWebSocket } from './websocket';

let server: Server;
let ada: Shopper;
let client: SubscriptionClient;

beforeAll(async () => {
  server = await Server.start({ payment: '200ms', delivery: '200ms' });
  ada = await Shopper.signIn(server.url);
});
afterAll(async () => server.stop());
beforeEach(() => {
  client = new SubscriptionClient(ada.socketUrl, { connectionParams: ada.credentials, lazy: true, reconnect: true }, PatientWebSocket);
});
afterEach(() => client.close());

/** Collects an operation's results until `enough`. */
async function results<T>(query: string, variables: Record<string, unknown>, enough: (all: T[]) => boolean): Promise<T[]> {
  return new Promise((resolve, reject) => {
    const all: T[] = [];
    const { unsubscribe } = client.request({ query, variables }).subscribe({
      next: ({ data, errors }) => {
        if (errors) reject(new Error(JSON.stringify(errors)));
        all.push(data as T);
        if (enough(all)) {
          unsubscribe();
          resolve(all);
        }
      },
      error: reject,
    });
  });
}

test('subscriptions-transport-ws watches an order to its delivery', async () => {
  const found = await results<{ update: Item }>(watchOrder, { id: await ada.order() }, (all) => all.at(-1)!.update.order?.status === 'DELIVERED');
  const items = found.map(({ update }) => update);
  expect(items[0]!.kind).toBe('SNAPSHOT');
  expect(events(items)).toEqual(walk.slice(items[0]!.order!.version));
});

test('subscriptions-transport-ws runs queries and mutations', async () => {
  const [created] = await results<OrderCreated>(orderMutation, await ada.orderInput(), () => true);
  expect(created!.orderCreate.order.status).toBe('CREATED');
  expect(await results('{ viewer { role } }', {}, () => true)).toEqual([{ viewer: { role: 'CUSTOMER' } }]);
});

test('subscriptions-transport-ws gets the errors of an operation', async () => {
  await expect(results('{ nothing }', {}, () => true)).rejects.toBeDefined();
  expect(await results('{ viewer { role } }', {}, () => true), 'the socket stays open').toHaveLength(1);
});

test('subscriptions-transport-ws gets the reason of a refused connection', async () => {
  client.close();
  const refused = deferred<unknown>();
  client = new SubscriptionClient(
    ada.socketUrl,
    { connectionParams: { authorization: 'Bearer nonsense' }, connectionCallback: (error) => void (error && refused.resolve(error)) },
    PatientWebSocket,
  );
  expect(await refused.promise).toMatchObject({ message: expect.stringContaining('Forbidden') });
});

test('subscriptions-transport-ws reconnects when the server restarts', async () => {
  const id = await ada.order();
  const kinds: string[] = [];
  const reconnected = new Promise<void>((resolve) => void client.onReconnected(resolve));
  const first = deferred<void>();
  const { unsubscribe } = client.request({ query: watchOrder, variables: { id } }).subscribe({
    next: ({ data }) => {
      kinds.push((data as { update: Item }).update.kind);
      first.resolve();
    },
  });
  await first.promise;
  await server.drain();
  await server.start();
  await reconnected;
  await expect.poll(() => kinds.filter((kind) => kind === 'SNAPSHOT').length, { timeout: 240_000 }).toBe(2);
  unsubscribe();
});
