import type { CodegenConfig } from '@graphql-codegen/cli';

/**
 * Generates typed documents from the schema. A document that does not fit the schema fails `npm run build`.
 * src/gql is committed, so that readers see the types and `make verify` finds an outdated one.
 */
const config: CodegenConfig = {
  schema: '../schema/*.graphqls',
  documents: ['src/**/*.{ts,tsx}', '!src/gql/**', '!src/playground/**'],
  generates: {
    './src/gql/': {
      preset: 'client',
      // The default name, useFragment, would suggest a React hook.
      presetConfig: { fragmentMasking: { unmaskFunctionName: 'getFragment' } },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        defaultScalarType: 'unknown',
        scalars: { DateTime: 'string', Int64: 'string', Decimal: 'string', CurrencyCode: 'string', EventCursor: 'string' },
      },
    },
    './src/gql/possible-types.ts': {
      plugins: ['fragment-matcher'],
      config: { useExplicitTyping: false },
    },
  },
};

export default config;
