import {
  getDirectiveValues,
  getNamedType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  Kind,
  OperationTypeNode,
  parse,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLInterfaceType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import type { Example } from './example';

type Field = GraphQLField<unknown, unknown>;

/** Items of a page: enough to see what a list has, and far below the limit on costs. */
const pageSize = 5;

/** Sample values of scalars. An ID's is made from its name, all other texts are to be replaced. */
const samples: Record<string, unknown> = {
  Int: 1,
  Float: 1,
  Boolean: true,
  Int64: '100',
  Decimal: '1.00',
  CurrencyCode: 'EUR',
  DateTime: '2026-01-31T12:00:00Z',
};

/**
 * Generates an example for each operation of the schema that no known example has: a document with the required arguments as
 * variables, its description's first sentence as a comment, and a selection that every caller of the operation may make. Those that only
 * staff may run come last. The schema must be built from SDL, because introspection has no `@access`.
 */
export function generateExamples(schema: GraphQLSchema, known: readonly Example[]): Example[] {
  const used = new Set(known.flatMap(({ query }) => rootFields(query)));
  const operations = Object.values(OperationTypeNode).flatMap((kind) =>
    Object.values(schema.getRootType(kind)?.getFields() ?? {})
      .filter(({ name }) => !used.has(name))
      .map((field) => ({ kind, field, staff: audience(schema, field) === 'STAFF' })),
  );
  return operations
    .toSorted((a, b) => Number(a.staff) - Number(b.staff))
    .map(({ kind, field, staff }) => generateExample(schema, kind, field, staff));
}

/** The fields of the type Query, Mutation or Subscription that a document selects. */
export function rootFields(query: string): string[] {
  return parse(query).definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION
      ? definition.selectionSet.selections.flatMap((selected) => (selected.kind === Kind.FIELD ? [selected.name.value] : []))
      : [],
  );
}

function generateExample(schema: GraphQLSchema, kind: OperationTypeNode, field: Field, staff: boolean): Example {
  const type = getNamedType(field.type);
  const required = field.args.filter(isRequiredArgument);
  const variables = required.map((argument) => `$${argument.name}: ${argument.type}`);
  const values = required.map(({ name }) => `${name}: $${name}`);
  if (field.args.some(({ name }) => name === 'first')) values.push(`first: ${pageSize}`);
  // A type with an identity is shown itself. A payload, a page or an item shows the objects in it.
  const depth = isNode(type) ? 0 : 1;
  const operation = field.name.charAt(0).toUpperCase() + field.name.slice(1);
  const query = [
    ...comment(`${staff ? 'Staff: ' : ''}${firstSentence(field.description ?? '')}`),
    ...block(`${kind} ${operation}${list(variables)}`, block(`${field.name}${list(values)}`, selection(schema, type, audience(schema, field), depth))),
    '',
  ].join('\n');
  if (required.length === 0) return { query };
  const object = isAbstractType(type) ? (schema.getPossibleTypes(type)[0] ?? type) : type;
  const given = Object.fromEntries(required.map((argument) => [argument.name, sample(argument.type, argument.name, object.name)]));
  return { query, variables: JSON.stringify(given, null, 2) };
}

/**
 * Selects the leaves of an object, the objects in it that have leaves only, such as amounts, and down to a depth also others. Fields
 * with required arguments are left out, and those that not every caller of the operation may select.
 */
function selection(schema: GraphQLSchema, type: GraphQLNamedType, caller: string, depth: number): string[] {
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  const selectable = Object.values(type.getFields()).filter((field) => isSelectable(schema, type, field, caller));
  const isPage = selectable.some(({ name }) => name === 'nodes');
  const lines = selectable.flatMap((field) => {
    const below = getNamedType(field.type);
    if (isLeafType(below)) return [field.name];
    if ((depth === 0 && !hasLeavesOnly(below)) || (isPage && field.name === 'edges')) return [];
    const inner = selection(schema, below, caller, Math.max(depth - 1, 0));
    return inner.length > 0 ? block(field.name, inner) : [];
  });
  return isAbstractType(type) ? ['__typename', ...lines] : lines;
}

/** A field with what is selected of it, in one line if that is short. */
function block(head: string, inner: readonly string[]): string[] {
  if (inner.length === 0) return [head];
  const line = `${head} { ${inner.join(' ')} }`;
  return line.length <= 64 && !inner.some((part) => part.includes('}')) ? [line] : [`${head} {`, ...inner.map((part) => `  ${part}`), '}'];
}

function isSelectable(schema: GraphQLSchema, type: GraphQLObjectType | GraphQLInterfaceType, field: Field, caller: string): boolean {
  if (field.deprecationReason || field.args.some(isRequiredArgument)) return false;
  // An interface's field may be selected by everybody who may select it on one of the interface's types.
  const declared = isInterfaceType(type) ? schema.getPossibleTypes(type).flatMap((possible) => possible.getFields()[field.name] ?? []) : [field];
  const all = audiences(schema); // each includes the ones after it
  return declared.some((one) => all.indexOf(audience(schema, one)) <= all.indexOf(caller));
}

/** Who may select a field: a value of the schema's Audience. */
function audience(schema: GraphQLSchema, field: Field): string {
  const access = schema.getDirective('access');
  const by = access && field.astNode ? getDirectiveValues(access, field.astNode)?.['by'] : undefined;
  if (typeof by !== 'string') throw new Error(`${field.name} has no @access`);
  return by;
}

function audiences(schema: GraphQLSchema): string[] {
  const type = schema.getType('Audience');
  return isEnumType(type) ? type.getValues().map(({ name }) => name) : [];
}

const isNode = (type: GraphQLNamedType): boolean => (isObjectType(type) || isInterfaceType(type)) && 'id' in type.getFields();

const hasLeavesOnly = (type: GraphQLNamedType): boolean =>
  isObjectType(type) && Object.values(type.getFields()).every((field) => isLeafType(getNamedType(field.type)));

/** Makes a value with what is required. An id begins like those of its type: `orderId` is `order_…`, and `id` is of the given object. */
function sample(type: GraphQLInputType, name: string, object: string): unknown {
  if (isNonNullType(type)) return sample(type.ofType, name, object);
  if (isListType(type)) return [sample(type.ofType, name.replace(/s$/, ''), object)];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter(isRequiredInputField);
    return Object.fromEntries(fields.map((field) => [field.name, sample(field.type, field.name, object)]));
  }
  if (type.name === 'ID') return `${name === 'id' ? object.toLowerCase() : name.replace(/Id$/, '')}_…`;
  return samples[type.name] ?? 'change-me';
}

const list = (parts: readonly string[]): string => (parts.length > 0 ? `(${parts.join(', ')})` : '');

const firstSentence = (description: string): string => /^.*?\.(?=\s|$)/s.exec(description)?.[0].replaceAll(/\s+/g, ' ') ?? description;

/** Comment lines of at most 56 characters, which the editor shows whole. */
function comment(text: string): string[] {
  return (text.match(/\S.{0,53}(?=\s|$)/g) ?? []).map((line) => `# ${line}`);
}
