import graphql from '@graphql-eslint/eslint-plugin';

const { parser, processor } = graphql;

// Lints GraphQL only: the schema and the operations in the app's sources. tsc and oxlint check the TypeScript. It runs from the
// repository's root (see package.json), because ESLint reads no files above its working directory.
const operations = { preprocess: (text, name) => processor.preprocess(text, name).filter((block) => typeof block !== 'string') };

export default [
  { ignores: ['**/src/gql/**', '**/*.test.*', '**/src/playground/**'] },
  {
    files: ['web/src/**/*.{ts,tsx}'],
    processor: { ...processor, ...operations },
  },
  {
    files: ['schema/*.graphqls', '**/*.graphql'],
    languageOptions: {
      parser,
      parserOptions: { graphQLConfig: { schema: 'schema/*.graphqls', documents: 'web/src/**/*.{ts,tsx}' } },
    },
    plugins: { '@graphql-eslint': graphql },
  },
  {
    files: ['schema/*.graphqls'],
    rules: {
      '@graphql-eslint/description-style': ['error', { style: 'block' }],
      '@graphql-eslint/known-type-names': 'error',
      '@graphql-eslint/naming-convention': [
        'error',
        {
          types: 'PascalCase',
          FieldDefinition: 'camelCase',
          InputValueDefinition: 'camelCase',
          EnumValueDefinition: 'UPPER_CASE',
        },
      ],
      '@graphql-eslint/no-hashtag-description': 'error',
      '@graphql-eslint/no-unreachable-types': 'error',
      '@graphql-eslint/relay-edge-types': ['error', { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false }],
      '@graphql-eslint/relay-page-info': 'error',
      '@graphql-eslint/require-deprecation-reason': 'error',
      '@graphql-eslint/require-description': [
        'error',
        { types: true, rootField: true, FieldDefinition: true, InputValueDefinition: true, EnumValueDefinition: true, DirectiveDefinition: true },
      ],
      '@graphql-eslint/unique-type-names': 'error',
    },
  },
  {
    files: ['**/*.graphql'],
    rules: {
      '@graphql-eslint/no-anonymous-operations': 'error',
      '@graphql-eslint/no-duplicate-fields': 'error',
      '@graphql-eslint/no-unused-variables': 'error',
      '@graphql-eslint/unique-fragment-name': 'error',
      '@graphql-eslint/unique-operation-name': 'error',
    },
  },
];
