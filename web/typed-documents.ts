import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const generated = fileURLToPath(new URL('src/gql/graphql.ts', import.meta.url));

/**
 * Replaces the source of each document by the generated one: graphql(`query Order …`) becomes OrderDocument. Without this plugin
 * every page would load all documents of the app with their sources, because graphql() looks them up by text.
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
        // Keep the number of lines, so that reported positions stay right.
        return `(typed.${document}${'\n'.repeat(source.split('\n').length - 1)})`;
      });
      return { code: `import * as typed from ${JSON.stringify(generated)};${replaced}`, map: null };
    },
  };
}
