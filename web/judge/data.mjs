/**
 * Resolvers over a copy of the server's data. `roots` has the value of each root field, `objects` has each object with an id once, and
 * `{"$ref": id}` refers to it. A field's name includes its arguments: `order(id: "order_…")`.
 */
import { defaultFieldResolver, print } from 'graphql';

const called = ({ fieldName, fieldNodes: [{ arguments: given }] }) => (given.length > 0 ? `${fieldName}(${given.map(print).join(', ')})` : fieldName);

export const resolveOn = ({ roots, objects }) => {
  const follow = (value) => {
    if (Array.isArray(value)) return value.map((item) => follow(item));
    return value?.$ref ? objects[value.$ref] : value;
  };
  return {
    rootValue: roots,
    fieldResolver: (source, args, context, info) => {
      const name = called(info);
      if (!(name in source)) throw new Error(`${info.parentType.name}.${name} is not in the picture`);
      return follow(defaultFieldResolver({ [info.fieldName]: source[name] }, args, context, info));
    },
    typeResolver: ({ __typename }) => __typename,
  };
};
