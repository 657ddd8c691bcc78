import { setTimeout as pause } from 'node:timers/promises';
import { createClient, type ClientOptions, type FormattedExecutionResult } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Server } from '../e2e/server';
import { resume } from '../src/shared/resume';
import { deferred, events, Shopper, walk, watchFeed, watchOrder, type Item } from './shop';

let server: Server;
let ada: Shopper;

beforeAll(async () => {
  server = await Server.start({ payment: '1s', delivery: '1s' });
  ada = await Shopper.signIn(server.url);
});
afterAll(async () => server.stop());

/** A client that retries while the server is down, and the close codes it has seen. */
function patient(options: Partial<ClientOptions> = {}) {
  const codes: number[] = [];
  const client = createClient({
    url: ada.socketUrl,
    webSocketImpl: WebSocket,
    connectionParams: () => ada.credentials,
    retryAttempts: 1000,
    shouldRetry: () => true, // also after a refused connection, which by default is fatal
    retryWait: async () => pause(50),
    on: { closed: (event) => void codes.push((event as CloseEvent).code) },
    ...options,
  });
  return { client, codes };
}

const restarts = {
  'a drained server (1012)': async () => server.drain(),
  'a killed server': async () => server.kill(),
};

for (const [name, end] of Object.entries(restarts)) {
  test(`the published helper resumes event-exact after ${name}`, async () => {
    const { client, codes } = patient();
    const items: Item[] = [];
    const [paying, delivered] = [deferred<void>(), deferred<void>()];
    const id = await ada.order();
    const stop = resume(client, { query: watchOrder, variables: { id } }, {
      next: ({ data }: FormattedExecutionResult<{ update: Item }>) => {
        items.push(data!.update);
        if (data!.update.order!.version >= 2) paying.resolve();
        if (data!.update.order!.status === 'DELIVERED') delivered.resolve();
      },
      error: (cause) => expect.unreachable(JSON.stringify(cause)),
      complete: () => undefined,
    });
    await paying.promise;
    await end();
    await server.start();
    await delivered.promise;
    stop();
    expect(items.map(({ kind }) => kind)).toEqual(['SNAPSHOT', ...events(items).map(() => 'EVENT')]);
    expect(events(items), 'no event is missing or repeated').toEqual(walk.slice(items[0]!.order!.version));
    expect(codes[0]).toBe(name.includes('1012') ? 1012 : 1006);
    await client.dispose();
  });

  test(`a stock client gets a fresh SNAPSHOT after ${name}`, async () => {
    const { client, codes } = patient();
    const id = await ada.order();
    const stream = client.iterate<{ update: Item }>({ query: watchOrder, variables: { id } });
    expect((await stream.next()).value).toMatchObject({ data: { update: { kind: 'SNAPSHOT' } } });
    await end();
    await server.start();
    const seen: Item[] = [];
    for await (const { data } of stream) {
      seen.push(data!.update);
      if (data!.update.order?.status === 'DELIVERED') break;
    }
    const again = seen.findLastIndex(({ kind }) => kind === 'SNAPSHOT');
    expect(again, 'a second snapshot came').toBeGreaterThanOrEqual(0);
    expect(events(seen.slice(again))).toEqual(walk.slice(seen[again]!.order!.version));
    expect(codes[0]).toBe(name.includes('1012') ? 1012 : 1006);
    await client.dispose();
  });
}

test('a feed resumes event-exact after a drained server', async () => {
  const grace = await Shopper.signIn(server.url);
  const { client } = patient({ connectionParams: () => grace.credentials });
  const items: Item[] = [];
  const [begun, paying, delivered] = [deferred<void>(), deferred<void>(), deferred<void>()];
  const stop = resume(client, { query: watchFeed }, {
    next: ({ data }: FormattedExecutionResult<{ update: Item }>) => {
      items.push(data!.update);
      begun.resolve();
      if (data!.update.event?.version === 2) paying.resolve();
      if (data!.update.order?.status === 'DELIVERED') delivered.resolve();
    },
    error: (cause) => expect.unreachable(JSON.stringify(cause)),
    complete: () => undefined,
  });
  await begun.promise;
  await grace.order();
  await paying.promise;
  await server.drain();
  await server.start();
  await delivered.promise;
  stop();
  expect(events(items)).toEqual(walk);
  await client.dispose();
});
