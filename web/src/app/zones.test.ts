import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Kind, parse, visit, type DocumentNode } from 'graphql';
import { describe, expect, it } from 'vitest';

interface Override {
  files: string[];
  rules: Record<string, [string, { patterns?: { group: string[] }[] }] | string>;
}

/** What each zone may import, by its name, as .oxlintrc.json says. `app` may import everything and has no rule. */
function zones(): Map<string, string[]> {
  const text = readFileSync('.oxlintrc.json', 'utf8').replaceAll(/^\s*\/\/.*$/gm, '');
  const { overrides } = JSON.parse(text) as { overrides: Override[] };
  return new Map(
    overrides.flatMap(({ files, rules }) => {
      const zone = /^src\/(\w+)\/\*\*$/.exec(files[0] ?? '')?.[1];
      const rule = rules['no-restricted-imports'];
      if (!zone || !Array.isArray(rule)) return [];
      const allowed = rule[1].patterns?.[0]?.group.flatMap((pattern) => /^!\.\.\/(\w+)\/\*\*$/.exec(pattern)?.[1] ?? []) ?? [];
      return [[zone, [zone, ...allowed]] as const];
    }),
  );
}

/** The documents of the app's sources, each with its zone. */
function documents(): { zone: string; name: string; document: DocumentNode }[] {
  return readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file) && !/\.test\./.test(file) && !file.startsWith('gql') && !file.startsWith('playground'))
    .flatMap((file) =>
      [...readFileSync(path.join('src', file), 'utf8').matchAll(/\bgraphql\(`([^`]*)`\)/g)].map(([, text = '']) => {
        const document = parse(text);
        const [definition] = document.definitions;
        if (definition?.kind !== Kind.FRAGMENT_DEFINITION && definition?.kind !== Kind.OPERATION_DEFINITION) throw new Error(`${file} has another kind of definition`);
        return { zone: file.split(path.sep)[0] ?? '', name: definition.name?.value ?? '', document };
      }),
    );
}

/** The spreads of a document that its zone may not know: "shop/Orders spreads board/BoardRow". */
function violations(all: ReturnType<typeof documents>, allowed: Map<string, string[]>): string[] {
  const zoneOf = new Map(all.map(({ name, zone }) => [name, zone]));
  const found: string[] = [];
  for (const { zone, name, document } of all) {
    visit(document, {
      FragmentSpread({ name: { value } }) {
        const of = zoneOf.get(value) ?? 'no zone';
        if (zone !== 'app' && !allowed.get(zone)?.includes(of)) found.push(`${zone}/${name} spreads ${of}/${value}`);
      },
    });
  }
  return found;
}

describe('import zones', () => {
  it('cover every folder of the sources', () => {
    const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
    // app may import everything, gql is generated, styles has no scripts.
    expect(folders.toSorted()).toEqual([...zones().keys(), 'app', 'gql', 'styles'].toSorted());
  });

  it('keep shop and board apart', () => {
    expect(zones().get('shop')).not.toContain('board');
    expect(zones().get('board')).not.toContain('shop');
    expect(zones().get('order')).toEqual(['order', 'gql', 'shared']);
  });

  it('hold for fragments as well, so customers’ pages ask for none of the board’s fields', () => {
    const all = documents();
    expect(all.length).toBeGreaterThan(30);
    expect(violations(all, zones())).toEqual([]);
    const broken = { zone: 'order', name: 'LiveOrder', document: parse('fragment LiveOrder on Order { ...BoardRow }') };
    expect(violations([...all, broken], zones())).toEqual(['order/LiveOrder spreads board/BoardRow']);
  });
});
