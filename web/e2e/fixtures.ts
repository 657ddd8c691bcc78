import { randomUUID } from 'node:crypto';
import { test as base, expect, type BrowserContext, type Page } from '@playwright/test';
import { Server, type Pace } from './server';

/**
 * `quick` delivers an order within a second. At `slow` a payment stays in its first step, and at `undelivered` a paid order is
 * not delivered, until the test acts. `filmed` leaves time for a picture of each step.
 */
const paces = {
  quick: { payment: '300ms', delivery: '300ms' },
  slow: { payment: '1h', delivery: '1h' },
  undelivered: { payment: '100ms', delivery: '1h' },
  filmed: { payment: '4s', delivery: '4s' },
} satisfies Record<string, Pace>;

/** Time for a new server, which creates a database first; not part of a test's own timeout. In milliseconds. */
export const startTimeout = 180_000;

/** A signed-in user without orders, in a browser context of their own. */
export interface Shopper {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly user: string;
  readonly token: string;
  /** Bodies of the POSTs to /graphql so far, of all tabs. */
  readonly posts: string[];
  /** Sends an operation as this user, outside the browser. */
  readonly send: <T>(query: string, variables?: Record<string, unknown>) => Promise<T>;
  /** Places an order outside the browser, of one mug by default, and returns its id. */
  readonly order: (token?: string, what?: { product?: string; quantity?: number; captureMethod?: 'AUTOMATIC' | 'MANUAL' }) => Promise<string>;
  readonly openTab: () => Promise<Page>;
}

interface Fixtures {
  pace: keyof typeof paces;
  /** Console errors that a test expects. */
  expectedErrors: RegExp | null;
  server: Server;
  shopper: Shopper;
  signIn: (role?: 'CUSTOMER' | 'STAFF') => Promise<Shopper>;
}

export const test = base.extend<Fixtures, { servers: Map<string, Server> }>({
  servers: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads a fixture's needs from this pattern
    async ({}, provide) => {
      const servers = new Map<string, Server>();
      await provide(servers);
      for (const server of servers.values()) await server.stop(); // oxlint-disable-line no-await-in-loop
    },
    { scope: 'worker', timeout: startTimeout },
  ],
  pace: ['quick', { option: true }],
  expectedErrors: [null, { option: true }],
  server: [
    async ({ servers, pace }, provide) => {
      if (!servers.has(pace)) servers.set(pace, await Server.start(paces[pace]));
      await provide(servers.get(pace)!);
    },
    { scope: 'test', timeout: startTimeout },
  ],
  signIn: async ({ browser, contextOptions, server, expectedErrors }, provide) => {
    const problems: string[] = [];
    const contexts: BrowserContext[] = [];
    await provide(async (role = 'CUSTOMER') => {
      const context = await browser.newContext({ ...contextOptions, baseURL: server.url });
      contexts.push(context);
      return enter(context, server, role, (problem) => void (expectedErrors?.test(problem) || problems.push(problem)));
    });
    for (const context of contexts) await context.close(); // oxlint-disable-line no-await-in-loop
    expect(problems, 'console errors and requests to other hosts').toEqual([]);
  },
  shopper: async ({ signIn }, provide) => provide(await signIn()),
});

/** A test with a server of its own, which it may kill and restart, and with further environment variables. */
export const withServer = (pace: Pace, settings: Readonly<Record<string, string>> = {}) =>
  test.extend({
    server: [
      // oxlint-disable-next-line no-empty-pattern -- Playwright reads a fixture's needs from this pattern
      async ({}, provide) => {
        const server = await Server.start(pace, settings);
        await provide(server);
        await server.stop();
      },
      { scope: 'test', timeout: startTimeout },
    ],
  });

export { expect };

async function enter(context: BrowserContext, server: Server, role: 'CUSTOMER' | 'STAFF', report: (problem: string) => void): Promise<Shopper> {
  const user = `e2e-${randomUUID().slice(0, 8)}`;
  const answer = await fetch(`${server.url}/dev/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user, role }),
  });
  const { token } = (await answer.json()) as { token: string };
  await context.addInitScript((session) => {
    if (location.protocol === 'about:') return; // a new tab's first document has no storage
    if (!sessionStorage.getItem('orderwire.session')) sessionStorage.setItem('orderwire.session', session);
  }, JSON.stringify({ user, role, token, renewAt: Date.now() + 3_000_000 }));

  const posts: string[] = [];
  context.on('request', (request) => {
    const { origin, pathname, protocol } = new URL(request.url());
    if (origin !== server.url && protocol !== 'blob:' && protocol !== 'data:') report(`request to ${request.url()}`);
    if (request.method() === 'POST' && pathname === '/graphql') posts.push(request.postData() ?? '');
  });
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') report(`${message.type()}: ${message.text()}`);
  });
  context.on('weberror', (error) => report(String(error.error())));

  const send = async <T>(query: string, variables: Record<string, unknown> = {}): Promise<T> => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data: T; errors?: unknown };
    expect(errors, query).toBeUndefined();
    return data;
  };
  const order: Shopper['order'] = async (paymentToken = 'sim_approve', { product = 'mug', quantity = 1, captureMethod = 'AUTOMATIC' } = {}) => {
    const { products } = await send<{ products: { nodes: { id: string }[] } }>('query($search: String!) { products(filter: { search: $search }) { nodes { id } } }', {
      search: product,
    });
    const items = [{ productId: products.nodes[0]!.id, quantity }];
    const input = { idempotencyKey: randomUUID(), items, paymentMethod: { token: paymentToken }, captureMethod };
    const { orderCreate } = await send<{ orderCreate: { order: { id: string } } }>(
      'mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } userErrors { message } } }',
      { input },
    );
    return orderCreate.order.id;
  };
  const page = await context.newPage();
  return { page, context, user, token, posts, send, order, openTab: () => context.newPage() };
}

/** The states of the payment's steps that the page shows now. */
export async function stepStates(page: Page): Promise<string[]> {
  const steps = page.getByRole('region', { name: 'Payment progress' }).getByRole('listitem');
  return steps.evaluateAll((items) => items.map((item) => `${item.dataset['step']}: ${item.dataset['state']}`));
}

export const delivered = ['initializing: done', 'processing: done', 'outcome: done', 'delivered: done'];
export const declined = ['initializing: done', 'processing: done', 'outcome: failed', 'delivered: upcoming'];

/** Types of the events in the page's timeline. */
export async function timeline(page: Page): Promise<string[]> {
  const items = page.getByRole('list', { name: 'Timeline' }).getByRole('listitem');
  return items.evaluateAll((events) => events.map((event) => event.dataset['event'] ?? ''));
}
