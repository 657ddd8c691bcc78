import { Client, makeResult, type ExchangeIO, type Operation } from '@urql/core';
import { filter, makeSubject, merge, pipe, subscribe, tap } from 'wonka';
import { describe, expect, it } from 'vitest';
import { orderCache } from './cache';
import { versionGuard } from './version-guard';

// Without the graphql tag, so that code generation skips them.
const documents = {
  orders: 'query ($filter: OrderFilter) { orders(first: 20, filter: $filter) { nodes { id version status createdAt } pageInfo { hasNextPage endCursor } } }',
  // Two unrelated queries that are in flight at the same time.
  stats: 'query { stats { at } }',
  viewer: 'query { viewer { id } }',
};
const feed = 'subscription { orderFeed { kind cursor order { id version status createdAt } } }';

const orderAt = (number: number) => ({ __typename: 'Order', id: `order_${number}`, version: 1, status: 'CREATED', createdAt: `2026-11-22T12:0${number}:00.000000Z` });
const pageOf = (orders: object[]) => ({ orders: { __typename: 'OrderConnection', nodes: orders, pageInfo: { __typename: 'PageInfo', hasNextPage: false, endCursor: 'end' } } });
const answers = { stats: { stats: { __typename: 'Stats', at: 'now' } }, viewer: { viewer: { __typename: 'Viewer', id: 'staff' } } };

/** A client with the real cache, whose answers and pushes arrive when the test says. */
function shop() {
  const results = makeSubject<ReturnType<typeof makeResult>>();
  const sent = new Map<string, Operation>();
  const server = (): ExchangeIO => (operations) =>
    merge([
      pipe(
        operations,
        tap((operation) => {
          if (operation.kind === 'teardown') return;
          const text = (operation.query as { loc?: { source: { body: string } } }).loc?.source.body ?? '';
          const name = operation.kind === 'subscription' ? 'feed' : /orders\(/.test(text) ? 'orders' : /stats/.test(text) ? 'stats' : 'viewer';
          sent.set(name, operation);
        }),
        filter((): boolean => false),
      ) as never,
      results.source,
    ]);
  const client = new Client({ url: '/graphql', preferGetMethod: false, exchanges: [orderCache(), versionGuard(), server] });
  pipe(client.subscription(feed, {}), subscribe(() => undefined));
  let shown: string[] = [];
  const ask = (name: keyof typeof documents) =>
    pipe(
      client.query(documents[name], name === 'orders' ? { filter: { status: ['CREATED'] } } : {}, { requestPolicy: 'network-only' }),
      subscribe(({ data }) => {
        if (name === 'orders' && data) shown = (data as ReturnType<typeof pageOf>).orders.nodes.map((order) => (order as { id: string }).id);
      }),
    );
  const answer = (name: string, data: Record<string, unknown>) => results.next(makeResult(sent.get(name)!, { data }));
  const push = (number: number) => answer('feed', { orderFeed: { __typename: 'OrderUpdate', kind: 'EVENT', cursor: `c${number}`, order: orderAt(number) } });
  return { ask, answer, push, shown: () => shown };
}

/** The client's own reactions to an answer or a push run in microtasks. */
const settled = () => Promise.resolve().then(() => undefined).then(() => undefined).then(() => undefined);

/** All interleavings of these chains. */
function interleavings(chains: readonly (readonly string[])[]): string[][] {
  const all: string[][] = [];
  const walk = (steps: readonly string[], places: readonly number[]) => {
    let over = true;
    for (const [at, chain] of chains.entries()) {
      const step = chain[places[at]!];
      if (step === undefined) continue;
      over = false;
      walk(steps.concat(step), places.with(at, places[at]! + 1));
    }
    if (over) all.push([...steps]);
  };
  walk([], chains.map(() => 0));
  return all;
}

const sequences = interleavings([['ask orders', 'answer orders'], ['ask stats', 'answer stats'], ['ask viewer', 'answer viewer'], ['push 2', 'push 3']]).filter(
  (steps) => steps.indexOf('ask stats') < steps.indexOf('ask viewer'), // the two are interchangeable
);

describe.each([
  { reading: 'for the first time', before: false },
  { reading: 'again', before: true },
])('a list that is loaded $reading', ({ before }) => {
  it('has every order, for every order of arrival of answers and pushes', async () => {
    const wrong: string[] = [];
    // The server reads its database when the request arrives, or just before the answer: then it has orders that were not pushed yet.
    for (const late of [false, true]) {
      for (const steps of sequences) {
        const { ask, answer, push, shown } = shop();
        if (before) {
          ask('orders');
          answer('orders', pageOf([orderAt(1)]));
        }
        const exist = [orderAt(1)];
        let seen: object[] = [];
        for (const step of steps) {
          const [verb, what] = step.split(' ') as ['ask' | 'answer' | 'push', never];
          if (verb === 'ask') {
            seen = what === 'orders' ? [...exist] : seen;
            ask(what);
          } else if (verb === 'push') {
            exist.unshift(orderAt(Number(what)));
            push(Number(what));
          } else answer(what, what === 'orders' ? pageOf(late ? [orderAt(3), orderAt(2), orderAt(1)] : seen) : answers[what]);
          // oxlint-disable-next-line no-await-in-loop -- one step after the other is the point
          await settled();
        }
        if (shown().join() !== 'order_3,order_2,order_1') wrong.push(`${steps.join(', ')}: ${shown().join()}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
