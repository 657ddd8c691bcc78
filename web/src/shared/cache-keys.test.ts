import { readdirSync, readFileSync } from 'node:fs';
import { buildSchema, isObjectType } from 'graphql';
import { expect, it } from 'vitest';
import { embedded } from './cache';

/** Types that the cache embeds without being told to, or that are its roots. */
const known = /^__|^(?:Query|Mutation|Subscription)$|(?:Connection|Edge|Payload|UserError)$/;

it('the cache is told of every type without an id', () => {
  const names = readdirSync('../schema').filter((name) => name.endsWith('.graphqls'));
  const schema = buildSchema(names.map((name) => readFileSync(`../schema/${name}`, 'utf8')).join('\n'));
  const types = Object.values(schema.getTypeMap()).filter((type) => isObjectType(type));
  const without = types.filter((type) => !type.getFields()['id'] && !known.test(type.name)).map(({ name }) => name);
  expect(without.length).toBeGreaterThan(10);
  expect(without.filter((name) => !embedded.includes(name))).toEqual([]);
});
