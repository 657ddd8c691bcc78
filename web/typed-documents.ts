import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const generated = fileURLToPath(new URL('src/gql/graphql.ts', import.meta.url));

/**
 * Puts each generated document where its source stands: graphql(`query Order …`) becomes OrderDocument. Without it the bundle
 * would have every document of the app, and its source, in every page, because graphql() finds them by their text.
 */
export function typedDocuments(): Plugin {
  return {
    name: 'typed-documents',
    apply: 'build',
    enforce: 'pre',
    transform(code, id) {
      if (!/\/src\/(?!gql\/).*\.tsx?$/.test(id) || !code.includes('graphql(`')) return null;
      const replaced = code.replaceAll(/\bgraphql\(`\s*(query|mutation|subscription|fragment)\s+(\w+)[^`]*`\)/g, (source, kind: string, name: string) => {
        const document = `${name}${kind === 'fragment' ? 'FragmentDoc' : 'Document'}`;
        // As many lines as before, so that what is reported of this file points to the right ones.
        return `(typed.${document}${'\n'.repeat(source.split('\n').length - 1)})`;
      });
      return { code: `import * as typed from ${JSON.stringify(generated)};${replaced}`, map: null };
    },
  };
}
