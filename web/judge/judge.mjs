/**
 * graphql-js as a judge of the server: Go's tests ask it one question a line, as JSON, and read one answer a line. It knows the
 * schema's text and nothing of the server. Questions are batches, so that a run of thousands takes seconds.
 */
import { createInterface } from 'node:readline';
import {
  buildClientSchema, buildSchema, execute, getArgumentValues, getIntrospectionQuery, getVariableValues, isInputType, isSpecifiedDirective, Kind,
  lexicographicSortSchema, parse, printSchema, TypeInfo, validate, visit, visitWithTypeInfo,
} from 'graphql';
import { scalars } from './scalars.mjs';
import { resolveOn } from './data.mjs';

let schema;

/** A document's verdict: '' for one that may run, or which step has refused it. */
const verdict = (text) => {
  let document;
  try {
    document = parse(text);
  } catch (error) {
    return { verdict: 'parse', message: error.message };
  }
  let mistake;
  try {
    [mistake] = validate(schema, document, undefined, { maxErrors: 5 });
  } catch (error) {
    mistake = error; // graphql-js throws where a subscription's root field depends on a variable
  }
  return mistake ? { verdict: 'validate', message: mistake.message } : { verdict: '', document };
};

const operationOf = (document) => document.definitions.find(({ kind }) => kind === Kind.OPERATION_DEFINITION);

/** Variables as JSON text, since 1e0 and 1 are told apart by nobody but their reader. */
const variablesOf = (text, raw) => {
  const { errors, coerced } = getVariableValues(schema, operationOf(parse(text)).variableDefinitions ?? [], JSON.parse(raw), { maxErrors: 5 });
  return errors ? { message: errors[0].message } : { coerced };
};

/** The arguments of all fields of a valid document's operation and of its fragments, in the order they are written. */
const argumentsOf = (text, raw) => {
  const document = parse(text);
  const { coerced, message } = variablesOf(text, raw);
  if (message) return { message };
  const fields = [];
  const info = new TypeInfo(schema);
  visit(document, visitWithTypeInfo(info, {
    Field(node) {
      try {
        fields.push({ values: getArgumentValues(info.getFieldDef(), node, coerced) });
      } catch (error) {
        fields.push({ message: error.message, ...error.locations?.[0] });
      }
    },
  }));
  return { fields };
};

/** What printSchema leaves out: the directives of GraphQL itself, without a place that is in graphql-js and in no specification yet. */
const specified = (of) => of.getDirectives().filter((directive) => isSpecifiedDirective(directive))
  .map(({ name, locations, args, isRepeatable }) => `@${name}(${args.map((a) => `${a.name}: ${a.type}`)})${isRepeatable ? ' repeatable' : ''} on ${
    locations.filter((location) => location !== 'DIRECTIVE_DEFINITION').toSorted().join(' | ')}`);

/** A schema as text, in an order of its own. */
const printed = (of) => {
  const sorted = lexicographicSortSchema(of);
  return `${printSchema(sorted)}\n${specified(sorted).join('\n')}`;
};

const steps = {
  schema: ({ sdl }) => {
    schema = buildSchema(sdl);
    for (const [name, functions] of Object.entries(scalars)) Object.assign(schema.getType(name), functions);
    return Object.values(schema.getTypeMap()).filter((type) => isInputType(type)).map(({ name }) => name);
  },
  documents: ({ texts }) => texts.map((text) => ({ ...verdict(text), document: undefined })),
  variables: ({ cases }) => cases.map(({ text, raw }) => variablesOf(text, raw)),
  arguments: ({ cases }) => cases.map(({ text, raw }) => argumentsOf(text, raw)),
  /** Whether both give the same, fields in the same order; an operation that cannot begin has no data. */
  execute: ({ cases, data }) => Promise.all(cases.map(async ({ text, raw, ours }) => {
    const { document, message } = verdict(text);
    if (message) return { same: !ours, message };
    const result = await execute({ schema, document, variableValues: JSON.parse(raw), ...resolveOn(data) });
    const theirs = result.data ? JSON.stringify(result.data) : '';
    const answered = ours ? JSON.stringify(JSON.parse(ours)) : '';
    return { same: answered === theirs && !(result.data && result.errors), theirs, message: result.errors?.[0].message };
  })),
  /** The query that asks for everything there is to know of a schema. */
  introspection: () => getIntrospectionQuery({ specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true, oneOf: true }),
  compare: ({ sdl, introspection }) => ({ served: printed(buildSchema(sdl)), told: printed(buildClientSchema(introspection)) }),
  /** Where the text extends a type that it defines further down: buildSchema takes it, code generators that read once do not. */
  order: ({ sdl }) => {
    const defined = new Set();
    return parse(sdl).definitions.flatMap((node) => {
      if (!node.kind.endsWith('Extension')) {
        if (node.name) defined.add(node.name.value);
        return [];
      }
      return !node.name || defined.has(node.name.value) ? [] : [`${node.name.value} at line ${node.loc.startToken.line}`];
    });
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { step, ...question } = JSON.parse(line);
  let answer;
  try {
    answer = { answer: await steps[step](question) };
  } catch (error) {
    answer = { failed: error.stack };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
