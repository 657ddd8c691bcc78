/**
 * Resolvers over a picture of the server's data: `roots` has what each root field gives, `objects` has each object with an id once,
 * and `{"$ref": id}` stands for it elsewhere. Fields are named as they are called, with their arguments as JSON.
 */
import { defaultFieldResolver } from 'graphql';

const called = (name, args) => (Object.keys(args).length > 0 ? `${name}${JSON.stringify(args)}` : name);

export const resolveOn = (schema, { roots, objects }) => {
  const follow = (value) => {
    if (Array.isArray(value)) return value.map((item) => follow(item));
    return value?.$ref ? objects[value.$ref] : value;
  };
  return {
    rootValue: roots,
    fieldResolver: (source, args, context, info) => {
      const name = called(info.fieldName, args);
      if (source && !(name in source)) throw new Error(`${info.parentType.name}.${name} is not in the picture`);
      return follow(defaultFieldResolver({ [info.fieldName]: source[name] }, args, context, info));
    },
    typeResolver: ({ __typename }) => __typename,
  };
};
