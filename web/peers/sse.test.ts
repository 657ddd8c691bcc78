import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { createClient as createSSE } from 'graphql-sse';
import { createClient as createWS } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Server } from '../e2e/server';
import { events, orderMutation, Shopper, walk, watchOrder, type Item, type OrderCreated } from './shop';

let server: Server;
let ada: Shopper;

beforeAll(async () => {
  server = await Server.start({ payment: '200ms', delivery: '200ms' });
  ada = await Shopper.signIn(server.url);
});
afterAll(async () => server.stop());

/** The stock client. Without `singleConnection` it opens one connection for each operation. */
const connect = () => createSSE({ url: `${ada.url}/graphql`, headers: () => ada.credentials });

const delivered = ({ order }: Item) => order?.status === 'DELIVERED';

async function untilDelivered(variables: Record<string, unknown>): Promise<Item[]> {
  const client = connect();
  const items: Item[] = [];
  for await (const { data } of client.iterate<{ update: Item }>({ query: watchOrder, variables })) {
    if (!data) throw new Error('an item without data');
    items.push(data.update);
    if (delivered(data.update)) break;
  }
  client.dispose();
  return items;
}

/** The events of a text/event-stream (HTML standard, section "Interpreting an event stream"), without comments. */
async function* parse(chunks: AsyncIterable<string>): AsyncGenerator<{ event: string; id: string; data: string }> {
  let rest = '';
  for await (const chunk of chunks) {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop()!;
    for (const block of blocks) {
      const field = (name: string) => block.split('\n').find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1).trim() ?? '';
      if (field('event')) yield { event: field('event'), id: field('id'), data: field('data') };
    }
  }
}

/** Reads the items after `lastEventId` up to the order's delivery, with fetch. */
async function fetchUntilDelivered(variables: Record<string, unknown>, lastEventId: string): Promise<Item[]> {
  const abort = new AbortController();
  const { body } = await fetch(`${ada.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'accept': 'text/event-stream', 'last-event-id': lastEventId, ...ada.credentials },
    body: JSON.stringify({ query: watchOrder, variables }),
    signal: abort.signal,
  });
  const items: Item[] = [];
  for await (const { event, id, data } of parse(body!.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>)) {
    expect(event).toBe('next');
    const item = (JSON.parse(data) as { data: { update: Item } }).data.update;
    expect(id, 'the id is the cursor').toBe(item.cursor);
    items.push(item);
    if (delivered(item)) break;
  }
  abort.abort();
  return items;
}

test('graphql-sse watches an order to its delivery', async () => {
  const items = await untilDelivered({ id: await ada.order() });
  expect(items[0]!.kind).toBe('SNAPSHOT');
  expect(events(items)).toEqual(walk.slice(items[0]!.order!.version));
});

test('graphql-sse runs queries and mutations', async () => {
  const client = connect();
  const created = await client.iterate<OrderCreated & Record<string, unknown>>({ query: orderMutation, variables: await ada.orderInput() }).next();
  expect((created.value as { data: OrderCreated }).data.orderCreate.order.status).toBe('CREATED');
  const read = await client.iterate({ query: '{ viewer { role } }' }).next();
  expect(read.value).toEqual({ data: { viewer: { role: 'CUSTOMER' } } });
  client.dispose();
});

test('graphql-sse gets the errors of an operation', async () => {
  const client = connect();
  const { value } = await client.iterate({ query: '{ nothing }' }).next();
  expect(value).toMatchObject({ errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] });
  client.dispose();
});

test('Last-Event-ID with fetch resumes after that item, whatever `after` is', async () => {
  const id = await ada.order();
  const items = await untilDelivered({ id });
  for (const [i, { cursor }] of items.slice(0, -1).entries()) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(await fetchUntilDelivered({ id, after: items[0]!.cursor }, cursor)).toEqual(items.slice(i + 1));
  }
});

/** The test of curl is skipped only where curl is not installed. */
const hasCurl = spawnSync('curl', ['--version']).status === 0;

test.runIf(hasCurl)('Last-Event-ID with curl continues after that item', async () => {
  const id = await ada.order();
  const items = await untilDelivered({ id });
  const variables = JSON.stringify({ id });
  // The stream stays open after the last event, so curl ends it after a second, with status 28.
  const { stdout } = await promisify(execFile)('curl', [
    '--silent', '--no-buffer', '--max-time', '1', '--get', `${ada.url}/graphql`,
    '--header', 'Accept: text/event-stream',
    '--header', `Authorization: ${ada.credentials.authorization}`,
    '--header', `Last-Event-ID: ${items[0]!.cursor}`,
    '--data-urlencode', `query=${watchOrder}`,
    '--data-urlencode', `variables=${variables}`,
  ]).catch((error: { code: number; stdout: string }) => {
    if (error.code !== 28) throw error;
    return error;
  });
  const got: string[] = [];
  const whole = (async function* () { yield stdout; })();
  for await (const { id: cursor } of parse(whole)) got.push(cursor);
  expect(got).toEqual(items.slice(1).map(({ cursor }) => cursor));
});

test('a cursor from the websocket resumes an event stream, and back', async () => {
  const id = await ada.order();
  const viaSSE = await untilDelivered({ id });
  const client = createWS({ url: ada.socketUrl, webSocketImpl: WebSocket, connectionParams: () => ada.credentials });
  const viaWS: Item[] = [];
  for await (const { data } of client.iterate<{ update: Item }>({ query: watchOrder, variables: { id, after: viaSSE[0]!.cursor } })) {
    viaWS.push(data!.update);
    if (delivered(data!.update)) break;
  }
  await client.dispose();
  expect(viaWS).toEqual(viaSSE.slice(1));
  expect(await untilDelivered({ id, after: viaWS[0]!.cursor })).toEqual(viaWS.slice(1));
});
