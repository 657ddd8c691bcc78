import { buildClientSchema, getIntrospectionQuery, printSchema, type IntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Server } from '../e2e/server';
import { Shopper } from './shop';

let server: Server;

beforeAll(async () => {
  server = await Server.start({ payment: '1h', delivery: '1h' });
});
afterAll(async () => server.stop());

/** The introspection query of graphql-inspector and code generators, and that of GraphiQL with all its options. */
const askers = {
  plain: getIntrospectionQuery(),
  everything: getIntrospectionQuery({
    descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true, oneOf: true,
  }),
};

test.each(Object.entries(askers))('the introspection query of graphql-js gives the schema: %s', async (_, query) => {
  const dev = await Shopper.signIn(server.url);
  const schema = buildClientSchema(await dev.send<IntrospectionQuery>(query));
  expect(printSchema(schema)).toContain('type Order implements Node');
});
