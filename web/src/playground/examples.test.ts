import { readdirSync, readFileSync } from 'node:fs';
import { buildSchema, coerceInputValue, Kind, parse, typeFromAST, validate, type GraphQLInputType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { examples } from './examples';

const sdl = readdirSync('../schema')
  .filter((name) => name.endsWith('.graphqls'))
  .map((name) => readFileSync(`../schema/${name}`, 'utf8'))
  .join('\n');
const schema = buildSchema(sdl);

describe('examples', () => {
  it.each(examples.map((example) => [example.query.match(/(?:query|mutation|subscription) (\w+)/)?.[1] ?? '', example] as const))(
    '%s is valid for the schema',
    (_name, { query, variables }) => {
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
    },
  );

  it('has a tab for every mutation and subscription', () => {
    const fields = [schema.getMutationType(), schema.getSubscriptionType()].flatMap((type) => Object.keys(type?.getFields() ?? {}));
    const used = new Set(
      examples.flatMap(({ query }) =>
        parse(query).definitions.flatMap((definition) =>
          definition.kind === Kind.OPERATION_DEFINITION
            ? definition.selectionSet.selections.map((selection) => (selection.kind === Kind.FIELD ? selection.name.value : ''))
            : [],
        ),
      ),
    );
    expect(fields.length).toBeGreaterThan(10);
    expect(fields.filter((field) => !used.has(field))).toEqual([]);
  });

  it('gives each tab a name of its own', () => {
    const names = examples.map(({ query }) => query.match(/(?:query|mutation|subscription) (\w+)/)?.[1]);
    expect(new Set(names).size).toBe(names.length);
  });
});
