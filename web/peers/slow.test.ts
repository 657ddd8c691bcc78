import { createClient, type FormattedExecutionResult } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Server } from '../e2e/server';
import { resume } from '../src/shared/resume';
import { deferred, Shopper, walk, watchOrder, type Item } from './shop';

let server: Server;

beforeAll(async () => {
  server = await Server.start({ payment: '0s', delivery: '0s' }, { SUBSCRIPTION_QUEUE: '16' });
});
afterAll(async () => server.stop());

/** Each item is large, so that the network's buffers of some megabytes hold only few items. */
const lines = Array.from({ length: 10 }, (_, i) => `l${i}: lines { name product { description } }`).join(' ');
const wideFeed = `subscription ($after: EventCursor) { update: orderFeed(after: $after) { kind cursor event { type version } order { id status version ${lines} } } }`;

test('4008: a stock client that did not read gets its cursor and resumes event-exact, while others are served', async () => {
  const ada = await Shopper.signIn(server.url);
  let socket: WebSocket | undefined;
  let last = '';
  const closes: { code: number; reason: string; last: string }[] = [];
  const [begun, complete] = [deferred<void>(), deferred<void>()];
  const slow = createClient({
    url: ada.socketUrl,
    webSocketImpl: WebSocket,
    connectionParams: () => ada.credentials,
    retryWait: async () => undefined,
    on: {
      connected: (opened) => void (socket = opened as WebSocket),
      closed: (event) => void closes.push({ code: (event as CloseEvent).code, reason: (event as CloseEvent).reason, last }),
    },
  });
  const seen = new Map<string, string[]>();
  const orders = 40;
  let delivered = 0;
  const stop = resume(slow, { query: wideFeed }, {
    next: ({ data }: FormattedExecutionResult<{ update: Item }>) => {
      const { cursor, event, order } = data!.update;
      last = cursor;
      begun.resolve();
      if (!event || !order) return;
      seen.set(order.id, [...(seen.get(order.id) ?? []), `${event.version} ${event.type}`]);
      if (order.status === 'DELIVERED' && ++delivered === orders) complete.resolve();
    },
    error: (cause) => expect.unreachable(JSON.stringify(cause)),
    complete: () => undefined,
  });
  await begun.promise;
  socket!.pause();

  const sibling = createClient({ url: ada.socketUrl, webSocketImpl: WebSocket, connectionParams: () => ada.credentials });
  const ids = await Promise.all(Array.from({ length: orders }, async () => ada.order(100)));
  await Promise.all(
    ids.map(async (id) => {
      for await (const { data } of sibling.iterate<{ update: Item }>({ query: watchOrder, variables: { id } })) {
        if (data!.update.order?.status === 'DELIVERED') return;
      }
    }),
  );
  await sibling.dispose();
  expect(delivered, 'the slow client has not read').toBe(0);

  socket!.resume();
  await complete.promise;
  stop();
  expect(closes[0]!.code).toBe(4008);
  expect(closes[0]!.reason).toContain(`resume with after=${closes[0]!.last} `);
  expect([...seen.keys()].toSorted()).toEqual(ids.toSorted());
  for (const events of seen.values()) expect(events).toEqual(walk);
  await slow.dispose();
});
