import { Client, fetchExchange, subscriptionExchange, type ExecutionResult } from '@urql/core';
import { createClient, type Client as Socket } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Server } from '../e2e/server';
import { events, orderMutation, Shopper, walk, watchOrder, type Item, type OrderCreated } from './shop';

let server: Server;
let ada: Shopper;
let socket: Socket;
let urql: Client;

beforeAll(async () => {
  server = await Server.start({ payment: '200ms', delivery: '200ms' });
  ada = await Shopper.signIn(server.url);
  socket = createClient({ url: ada.socketUrl, webSocketImpl: WebSocket, connectionParams: () => ada.credentials });
  urql = new Client({
    url: `${ada.url}/graphql`,
    preferGetMethod: false,
    fetchOptions: () => ({ headers: ada.credentials }),
    exchanges: [
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.subscribe({ query: query!, variables: variables as Record<string, unknown> }, {
              next: (result) => sink.next(result as ExecutionResult),
              error: (cause) => sink.error(cause),
              complete: () => sink.complete(),
            }),
          }),
        }),
      }),
    ],
  });
});
afterAll(async () => {
  await socket.dispose();
  await server.stop();
});

test('urql orders over HTTP and watches over the websocket', async () => {
  const created = await urql.mutation<OrderCreated>(orderMutation, await ada.orderInput()).toPromise();
  const items: Item[] = [];
  await new Promise<void>((resolve, reject) => {
    const { unsubscribe } = urql.subscription<{ update: Item }>(watchOrder, { id: created.data!.orderCreate.order.id }).subscribe(({ data, error }) => {
      if (error) return reject(error);
      items.push(data!.update);
      if (data!.update.order?.status !== 'DELIVERED') return;
      unsubscribe();
      resolve();
    });
  });
  expect(items[0]!.kind).toBe('SNAPSHOT');
  expect(events(items)).toEqual(walk.slice(items[0]!.order!.version));
});

test("urql shows a refused subscription's code", async () => {
  const error = await new Promise((resolve) => {
    urql.subscription(watchOrder, { id: 'nonsense' }).subscribe((result) => resolve(result.error));
  });
  expect(error).toMatchObject({ graphQLErrors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
});
