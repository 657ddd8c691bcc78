import { readdirSync, readFileSync } from 'node:fs';
import { buildSchema, coerceInputValue, Kind, parse, typeFromAST, validate, type GraphQLInputType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { examples } from './examples';
import { generateExamples, rootFields } from './generated-examples';

const sdl = readdirSync('../schema')
  .filter((name) => name.endsWith('.graphqls'))
  .map((name) => readFileSync(`../schema/${name}`, 'utf8'))
  .join('\n');
const schema = buildSchema(sdl);

const generated = generateExamples(schema, examples);
const all = [...examples, ...generated];
const nameOf = (query: string): string => /(?:query|mutation|subscription) (\w+)/.exec(query)?.[1] ?? '';
const operations = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap((type) => Object.keys(type?.getFields() ?? {}));

describe('examples', () => {
  it.each(all.map((example) => [nameOf(example.query), example] as const))('%s is valid for the schema', (_name, { query, variables }) => {
    const document = parse(query);
    expect(validate(schema, document)).toEqual([]);
    const given = JSON.parse(variables ?? '{}') as Record<string, unknown>;
    const operation = document.definitions[0]!;
    if (operation.kind !== Kind.OPERATION_DEFINITION) throw new Error('no operation');
    const declared = operation.variableDefinitions ?? [];
    expect(Object.keys(given).filter((name) => !declared.some(({ variable }) => variable.name.value === name))).toEqual([]);
    for (const { variable, type } of declared) {
      coerceInputValue(given[variable.name.value], typeFromAST(schema, type as never) as GraphQLInputType, (path, _value, error) => {
        throw new Error(`${variable.name.value} ${path.join('.')}: ${error.message}`);
      });
    }
  });

  it('has a tab for every operation, and generates none that is written by hand', () => {
    expect(operations.length).toBeGreaterThan(25);
    const tabs = new Set(all.flatMap(({ query }) => rootFields(query)));
    expect(operations.filter((operation) => !tabs.has(operation))).toEqual([]);
    const written = new Set(examples.flatMap(({ query }) => rootFields(query)));
    expect(generated.flatMap(({ query }) => rootFields(query)).filter((operation) => written.has(operation))).toEqual([]);
  });

  it('gives each tab a name of its own', () => {
    const names = all.map(({ query }) => nameOf(query));
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('generated examples', () => {
  const everything = generateExamples(schema, []);

  // A hand-written example can be removed at any time.
  it.each(everything.map((example) => [nameOf(example.query), example] as const))('%s is valid as well when it is generated', (_name, { query }) => {
    expect(validate(schema, parse(query))).toEqual([]);
  });

  it('have required arguments as variables and what every caller may select, and staff’s come last', () => {
    const tabs = generateExamples(
      buildSchema(`
        directive @access(by: Audience!) on FIELD_DEFINITION
        enum Audience { PUBLIC CUSTOMER STAFF }
        type Query {
          "Known."
          known: String @access(by: PUBLIC)
          """
          Lists the things
          of a shop. Slowly.
          """
          things(shopId: ID!, kinds: [Kind!]!, first: Int, after: String): ThingConnection! @access(by: STAFF)
          "One of them."
          node(id: ID!): Node @access(by: PUBLIC)
        }
        type Mutation {
          "Makes a thing."
          thingMake(input: ThingMakeInput!): ThingMakePayload! @access(by: CUSTOMER)
        }
        enum Kind { SMALL LARGE }
        interface Node { id: ID! }
        type Money { amount: String! @access(by: PUBLIC) currency: String! @access(by: PUBLIC) }
        type Thing implements Node {
          id: ID! @access(by: PUBLIC)
          price: Money! @access(by: CUSTOMER)
          margin: Money! @access(by: STAFF)
          old: String @access(by: PUBLIC) @deprecated
          named(name: String!): Thing @access(by: PUBLIC)
          parts(first: Int): ThingConnection! @access(by: PUBLIC)
        }
        type ThingConnection { nodes: [Thing!]! @access(by: PUBLIC) edges: [ThingEdge!]! @access(by: PUBLIC) }
        type ThingEdge { cursor: String! @access(by: PUBLIC) node: Thing! @access(by: PUBLIC) }
        input ThingMakeInput { shopId: ID! price: PriceInput! note: String }
        input PriceInput { currency: String! amountMinor: Int! }
        type ThingMakePayload { thing: Thing @access(by: CUSTOMER) replayed: Boolean! @access(by: CUSTOMER) }
      `),
      [{ query: '{ known }' }],
    );
    expect(tabs.map(({ query, variables = '' }) => query + variables.replaceAll(/\s+/g, ' '))).toEqual([
      `# One of them.
query Node($id: ID!) {
  node(id: $id) { __typename id }
}
{ "id": "thing_…" }`,
      `# Makes a thing.
mutation ThingMake($input: ThingMakeInput!) {
  thingMake(input: $input) {
    thing {
      id
      price { amount currency }
    }
    replayed
  }
}
{ "input": { "shopId": "shop_…", "price": { "currency": "change-me", "amountMinor": 1 } } }`,
      `# Staff: Lists the things of a shop.
query Things($shopId: ID!, $kinds: [Kind!]!) {
  things(shopId: $shopId, kinds: $kinds, first: 5) {
    nodes {
      id
      price { amount currency }
      margin { amount currency }
    }
  }
}
{ "shopId": "shop_…", "kinds": [ "SMALL" ] }`,
    ]);
  });
});
