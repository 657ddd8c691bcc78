import { parse } from 'graphql';
import { afterEach, expect, test, vi } from 'vitest';
import { DevSignIn } from '../shared/dev-sign-in';
import { SessionStore } from '../shared/session';
import { createFetcher } from './fetcher';

afterEach(() => vi.unstubAllGlobals());

const location = { protocol: 'http:', host: 'shop.test', origin: 'http://shop.test' };

async function sent(query: string, operationName: string) {
  const request = vi.fn<typeof fetch>(() => Promise.resolve(Response.json({ data: {} })));
  vi.stubGlobal('fetch', request);
  // GraphiQL still has the document of the former tab.
  const fetcher = createFetcher(new SessionStore(new DevSignIn()), location);
  const answers = await fetcher({ query, operationName }, { documentAST: parse('subscription Before { orderFeed { cursor } }') });
  for await (const _ of answers as AsyncIterable<unknown>) break;
  return JSON.parse(request.mock.calls[0]?.[1]?.body as string) as { query: string; operationName: string | null };
}

test('the only operation of a document is sent, whatever the former operation name', async () => {
  expect(await sent('query Now { viewer { id } }', 'Before')).toEqual({ query: 'query Now { viewer { id } }', operationName: 'Now' });
  expect(await sent('{ viewer { id } }', 'Before')).toMatchObject({ operationName: null });
});

test('a subscription uses the websocket, whatever the former operation', async () => {
  const request = vi.fn<typeof fetch>();
  const opened = vi.fn<(url: string) => void>(function open() {});
  vi.stubGlobal('fetch', request);
  vi.stubGlobal('WebSocket', opened);
  const fetcher = createFetcher(new SessionStore(new DevSignIn()), location);
  const query = 'subscription Now { orderFeed { cursor } }';
  const answers = await fetcher({ query, operationName: 'Before' }, { documentAST: parse('query Before { viewer { id } }') });
  void (answers as AsyncIterableIterator<unknown>).next();
  await vi.waitFor(() => expect(opened).toHaveBeenCalledWith('ws://shop.test/graphql', expect.anything()), { timeout: 240_000 });
  expect(request).not.toHaveBeenCalled();
});

test('of several operations the selected one is sent', async () => {
  expect(await sent('query A { viewer { id } } query B { viewer { name } }', 'B')).toMatchObject({ operationName: 'B' });
});
