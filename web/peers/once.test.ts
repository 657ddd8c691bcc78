import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { createClient as createSSE } from 'graphql-sse';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Server } from '../e2e/server';
import { peers, type Outcome } from './peer';
import { connectDatabase, orderMutation, Shopper, watchOrder, type Item, type OrderCreated } from './shop';

/**
 * One request is executed once. Stock clients send an operation, even a mutation, again when its connection ends before its
 * result. Each client runs until it reports the end itself, and the database counts executions.
 */

/** A mutation without an idempotency key: each execution adds an entry to the audit trail. */
const rotate = 'mutation Rotate($id: ID!) { webhookEndpointRotateSecret(input: { endpointId: $id }) { secret userErrors { code message } } }';

const create = 'mutation Create($url: String!) { webhookEndpointCreate(input: { url: $url }) { endpoint { id } userErrors { message } } }';

/** Enough for the waiting mutations of all clients. */
const connections = '60';

let server: Server;
let database: pg.Client;
let staff: Shopper;

beforeAll(async () => {
  server = await Server.start({ payment: '50ms', delivery: '50ms' }, { OPERATION_TIMEOUT: '12s', WEBHOOK_MAX_ENDPOINTS: '200', DATABASE_MAX_CONNS: connections });
  database = await connectDatabase(server);
  staff = await Shopper.signIn(server.url, { role: 'STAFF' });
});
afterAll(async () => {
  await database.end();
  await server.stop();
});

/** Creates a webhook endpoint. */
async function endpoint(of: Shopper = staff): Promise<string> {
  const made = await of.send<{ webhookEndpointCreate: { endpoint: { id: string } } }>(create, { url: `http://127.0.0.1:9/${randomUUID()}` });
  return made.webhookEndpointCreate.endpoint.id;
}

/** Counts the rotations of secrets of all endpoints. */
async function rotations(of: pg.Client = database): Promise<number> {
  const { rows } = await of.query<{ n: string }>("SELECT count(*) AS n FROM audit_entries WHERE action = 'webhookEndpoint.rotateSecret'");
  return Number(rows[0]!.n);
}

/** Makes mutations wait inside their statement until `release` is called. They do not wait for a lock, because lock_timeout is short. */
async function hold(on: Server): Promise<{ count: () => Promise<number>; waiting: (n: number) => Promise<void>; release: () => Promise<void>; leave: () => Promise<void> }> {
  const holder = await connectDatabase(on);
  await holder.query(`
    CREATE TABLE IF NOT EXISTS held ();
    INSERT INTO held DEFAULT VALUES;
    DROP SEQUENCE IF EXISTS held_up;
    CREATE SEQUENCE held_up MINVALUE 0 START 0;
    SELECT nextval('held_up');
    CREATE OR REPLACE FUNCTION wait_while_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
      BEGIN
        IF EXISTS (SELECT FROM held) THEN PERFORM nextval('held_up'); END IF;
        WHILE EXISTS (SELECT FROM held) LOOP PERFORM pg_sleep(0.05); END LOOP;
        RETURN NEW;
      END $$;
    CREATE OR REPLACE TRIGGER wait_while_held BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION wait_while_held()`);
  const count = async () => {
    const { rows } = await holder.query<{ n: string }>('SELECT last_value AS n FROM held_up'); // a sequence is visible outside its transaction
    return Number(rows[0]!.n);
  };
  return {
    count,
    waiting: async (n) => {
      await expect.poll(count, { timeout: 240_000 }).toBe(n);
    },
    release: async () => {
      await holder.query('DELETE FROM held');
      await holder.end();
    },
    leave: async () => holder.end(),
  };
}

const codes = ({ results, error }: Outcome): unknown[] =>
  [...results.flatMap(({ errors }) => (errors as unknown[] | undefined) ?? []), ...(Array.isArray(error) ? error : error ? [error] : [])].map(
    (e) => (e as { extensions?: { code?: string } }).extensions?.code ?? e,
  );

describe.each(Object.entries(peers))('%s', (_, { run }) => {
  test('a query ends after one result', async () => {
    expect(await run(staff, '{ viewer { role } }')).toMatchObject({ results: [{ data: { viewer: { role: 'STAFF' } } }] });
  });

  test('a mutation is executed once', async () => {
    const before = await rotations();
    const { results, error } = await run(staff, rotate, { id: await endpoint() });
    expect(results).toMatchObject([{ data: { webhookEndpointRotateSecret: { userErrors: [] } } }]);
    expect(error).toBeUndefined();
    expect(await rotations()).toBe(before + 1);
  });

  test('an order is placed once', async () => {
    const ada = await Shopper.signIn(server.url);
    const { results } = await run(ada, orderMutation, await ada.orderInput());
    const { id } = (results as { data: OrderCreated }[])[0]!.data.orderCreate.order;
    const { orders } = await ada.send<{ orders: { nodes: { id: string }[] } }>('{ orders { nodes { id } } }');
    expect(orders.nodes).toEqual([{ id }]);
  });

  test('a mutation that the domain refuses ends, and changes nothing', async () => {
    const before = await rotations();
    const { results } = await run(staff, rotate, { id: (await endpoint()).replace(/.{6}$/, '000000') });
    expect(results).toMatchObject([{ data: { webhookEndpointRotateSecret: { secret: null, userErrors: [{ code: expect.any(String) }] } } }]);
    expect(await rotations()).toBe(before);
  });

  test('an invalid document ends the operation', async () => {
    expect(codes(await run(staff, 'mutation { nothing }'))).toEqual(['GRAPHQL_VALIDATION_FAILED']);
  });

  test('a subscription ends when its client stops it', async () => {
    const ada = await Shopper.signIn(server.url);
    const id = await ada.order();
    const { results } = await run(ada, watchOrder, { id }, (data) => (data as { update?: Item } | null)?.update?.order?.status === 'DELIVERED');
    const kinds = (results as { data: { update: Item } }[]).map(({ data }) => data.update.kind);
    expect(kinds.filter((kind) => kind === 'SNAPSHOT'), 'it was subscribed once').toHaveLength(1);
  });
});

const all = Object.entries(peers);

test('a token that expires during a mutation: each mutation is answered, and executed once', { timeout: 300_000 }, async () => {
  // A statement may take 5 s, so the token must expire within that time. A machine that is too busy tries again.
  for (let attempt = 1; ; attempt++) {
    /* oxlint-disable no-await-in-loop -- one attempt after the other */
    const made = await Promise.all(all.map(async () => endpoint()));
    const before = await rotations();
    const short = await Shopper.signIn(server.url, { role: 'STAFF', ttlSeconds: 3 });
    const held = await hold(server);
    const running = all.map(async ([, { run }], i) => run(short, rotate, { id: made[i]! }));
    const expiry = Date.parse(short.expiresAt);
    const inTime = async () => Date.now() > expiry || (await held.count()) === all.length;
    await expect.poll(inTime, { timeout: 60_000 }).toBe(true);
    const admitted = Date.now() < expiry;
    await expect.poll(() => Date.now(), { timeout: 60_000 }).toBeGreaterThan(expiry + 200);
    await held.release();
    if (!admitted && attempt < 10) {
      // Mutations that came too late are refused, and nobody waits for them.
      continue;
    }
    const outcomes = await Promise.all(running);
    if (outcomes.some((outcome) => codes(outcome).includes('UNAVAILABLE')) && attempt < 10) {
      if ((await rotations()) > before + all.length) throw new Error('one was executed twice');
      continue;
    }
    for (const [i, { results, error }] of outcomes.entries()) {
      expect({ peer: all[i]![0], results, error }).toMatchObject({ results: [{ data: { webhookEndpointRotateSecret: { userErrors: [] } } }], error: undefined });
    }
    expect(await rotations()).toBe(before + all.length);
    return;
    /* oxlint-enable no-await-in-loop */
  }
});

test('a mutation that takes too long is UNAVAILABLE, and is not sent again', async () => {
  const made = await Promise.all(all.map(async () => endpoint()));
  const before = await rotations();
  const held = await hold(server);
  const outcomes = await Promise.all(all.map(async ([, { run }], i) => run(staff, rotate, { id: made[i]! })));
  await held.release();
  for (const [i, outcome] of outcomes.entries()) expect({ peer: all[i]![0], codes: codes(outcome) }).toEqual({ peer: all[i]![0], codes: ['UNAVAILABLE'] });
  expect(await rotations(), 'none was executed, then or later').toBe(before);
});

test('a server that stops during a mutation: each mutation ends as UNAVAILABLE, and is not sent to the next server', async () => {
  const stopping = await Server.start({ payment: '1h', delivery: '1h' }, { SHUTDOWN_TIMEOUT: '6s', DATABASE_MAX_CONNS: connections });
  const boss = await Shopper.signIn(stopping.url, { role: 'STAFF' });
  const made = await Promise.all(all.map(async () => endpoint(boss)));
  const held = await hold(stopping);
  const running = all.map(async ([, { run }], i) => run(boss, rotate, { id: made[i]! }));
  await held.waiting(all.length);
  const outcomes = Promise.all(running);
  const [ended] = await Promise.all([outcomes, stopping.drain(), held.leave()]);
  for (const [i, outcome] of ended.entries()) expect({ peer: all[i]![0], codes: codes(outcome) }).toEqual({ peer: all[i]![0], codes: ['UNAVAILABLE'] });
  await stopping.start();
  const after = await connectDatabase(stopping);
  await after.query('DELETE FROM held');
  expect(await rotations(after), 'none was executed, then or later').toBe(0);
  await after.end();
  await stopping.stop();
});

test('graphql-sse in its single connection mode is refused, and nothing is executed', async () => {
  const [id, before] = [await endpoint(), await rotations()];
  const statuses: number[] = [];
  const client = createSSE({
    url: `${server.url}/graphql`, headers: staff.credentials, singleConnection: true, retryAttempts: 2, retry: async () => undefined,
    fetchFn: async (...args: Parameters<typeof fetch>) => {
      const response = await fetch(...args);
      statuses.push(response.status);
      return response;
    },
  });
  await expect(client.iterate({ query: rotate, variables: { id } }).next()).rejects.toThrow('405');
  client.dispose();
  expect(statuses).toEqual([405, 405, 405]);
  expect(await rotations()).toBe(before);
});
