import { serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Server } from '../e2e/server';

/**
 * All audits of the GraphQL over HTTP specification, with the settings of development and of production. The audits of variables
 * query `__type`, so they need introspection.
 */
const servers = {
  development: { settings: {}, audited: () => true },
  production: { settings: { INTROSPECTION: 'off' }, audited: (name: string) => !/allow .*\{variables\}/.test(name) },
};

/** The expected audits, so that a missing one fails the test. */
const leastAudits = 60;

describe.each(Object.entries(servers))('GraphQL over HTTP, %s', (_, { settings, audited }) => {
  let server: Server;

  beforeAll(async () => {
    server = await Server.start({ payment: '1h', delivery: '1h' }, settings);
  });
  afterAll(async () => server.stop());

  const audits = serverAudits({ url: () => `${server.url}/graphql` });

  test('all expected audits run', () => {
    expect(audits.length).toBeGreaterThanOrEqual(leastAudits);
  });

  test.each(audits.filter(({ name }) => audited(name)).map((audit) => [`${audit.id} ${audit.name}`, audit] as const))('%s', async (_name, audit) => {
    const result = await audit.fn();
    // A warning is a violated SHOULD, a notice a violated MAY.
    expect(result.status === 'ok' ? 'ok' : `${result.status}: ${result.reason}`).toMatch(/^(ok|notice)/);
  });
});
