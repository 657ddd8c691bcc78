/**
 * Runs graphql-js as the judge of the server. Go's tests write one question a line, as JSON, and read one answer a line. The judge
 * knows only the schema's text. A question is a batch, so that thousands of documents take seconds.
 */
import { createInterface } from 'node:readline';
import {
  buildClientSchema, buildSchema, execute, getArgumentValues, getIntrospectionQuery, getVariableValues, isInputType, isSpecifiedDirective, Kind,
  lexicographicSortSchema, parse, printSchema, TypeInfo, validate, visit, visitWithTypeInfo,
} from 'graphql';
import { scalars } from './scalars.mjs';
import { resolveOn } from './data.mjs';

let schema;

/** A document's verdict: '' if it may run, else the step that refused it. */
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

/** Coerces variables. They come as JSON text, because only the text tells 1e0 from 1. */
const variablesOf = (text, raw) => {
  const { errors, coerced } = getVariableValues(schema, operationOf(parse(text)).variableDefinitions ?? [], JSON.parse(raw), { maxErrors: 5 });
  return errors ? { message: errors[0].message } : { coerced };
};

/** The arguments of all fields of a valid document's operation and of its fragments, in source order. */
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

/** The directives of the specification, which printSchema omits, without a location that graphql-js has and no specification yet. */
const specified = (of) => of.getDirectives().filter((directive) => isSpecifiedDirective(directive))
  .map(({ name, locations, args, isRepeatable }) => `@${name}(${args.map((a) => `${a.name}: ${a.type}`)})${isRepeatable ? ' repeatable' : ''} on ${
    locations.filter((location) => location !== 'DIRECTIVE_DEFINITION').toSorted().join(' | ')}`);

/** Prints a schema in lexicographic order. */
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
  /** Executes documents. The order of fields counts; an operation that cannot start has no data. */
  execute: ({ cases, data }) => Promise.all(cases.map(async ({ text, raw, ours }) => {
    const { document, message } = verdict(text);
    if (message) return { same: !ours, message };
    const result = await execute({ schema, document, variableValues: JSON.parse(raw), ...resolveOn(data) });
    const theirs = result.data ? JSON.stringify(result.data) : '';
    const answered = ours ? JSON.stringify(JSON.parse(ours)) : '';
    return { same: answered === theirs && !(result.data && result.errors), theirs, message: result.errors?.[0].message };
  })),
  /** The complete introspection query. */
  introspection: () => getIntrospectionQuery({ specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true, oneOf: true }),
  compare: ({ sdl, introspection }) => ({ served: printed(buildSchema(sdl)), told: printed(buildClientSchema(introspection)) }),
  /** Finds extensions of types that are defined further down: buildSchema accepts them, single-pass code generators do not. */
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
