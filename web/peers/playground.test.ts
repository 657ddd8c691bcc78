import { readdirSync, readFileSync } from 'node:fs';
import { buildSchema } from 'graphql';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Server } from '../e2e/server';
import type { Example } from '../src/playground/example';
import { examples } from '../src/playground/examples';
import { staffExamples } from '../src/playground/staff-examples';
import { generateExamples } from '../src/playground/generated-examples';
import { Shopper } from './shop';

let server: Server;

beforeAll(async () => {
  server = await Server.start({ payment: '1h', delivery: '1h' });
});
afterAll(async () => server.stop());

/** The codes of the errors in the first answer. BAD_USER_INPUT is about sample values such as `order_…`, which users replace. */
async function refusals(user: Shopper, { query, variables }: Example): Promise<unknown[]> {
  const client = createClient({ url: user.socketUrl, webSocketImpl: WebSocket, connectionParams: () => user.credentials });
  try {
    const { value } = await client.iterate({ query, variables: JSON.parse(variables ?? '{}') as Record<string, unknown> }).next();
    const errors = (value as { errors?: readonly { extensions?: { code?: string } }[] }).errors ?? [];
    return errors.map(({ extensions }) => extensions?.code);
  } catch (errors) {
    return Array.isArray(errors) ? errors.map(({ extensions }: { extensions?: { code?: string } }) => extensions?.code) : [errors];
  } finally {
    await client.dispose();
  }
}

const sdl = readdirSync('../schema')
  .filter((name) => name.endsWith('.graphqls'))
  .map((name) => readFileSync(`../schema/${name}`, 'utf8'))
  .join('\n');
const isForStaff = (example: Example) => staffExamples.includes(example) || example.query.startsWith('# Staff');

/** The hand-written examples, and what is generated for each operation. */
const all = [...examples, ...generateExamples(buildSchema(sdl), [])];

// Each has a user of its own, because one signs out.
test.each(all.map((example) => [example.query.split('{')[0], example] as const))('the server admits the example of its user: %s', async (_, example) => {
  const user = await Shopper.signIn(server.url, { role: isForStaff(example) ? 'STAFF' : 'CUSTOMER' });
  expect((await refusals(user, example)).filter((code) => code !== 'BAD_USER_INPUT')).toEqual([]);
});
