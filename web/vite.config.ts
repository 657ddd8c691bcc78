import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { typedDocuments } from './typed-documents';

const entry = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** Where `npm run dev` finds the API; `make run` serves it there. */
const server = process.env['ORDERWIRE_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [typedDocuments(), react()],
  build: {
    // Two entries, so that GraphiQL and its editor never reach a shop visitor.
    rollupOptions: {
      input: { index: entry('index.html'), playground: entry('playground.html') },
      // GraphiQL's modules have directives for a compiler that is not used here.
      onwarn: (warning, warn) => {
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
    },
    // The server's content security policy allows no data: scripts or fonts, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Monaco is large; e2e/budget.spec.ts holds the shop to a budget.
    chunkSizeWarningLimit: 5000,
  },
  server: {
    proxy: {
      '/graphql': { target: server, ws: true },
      '/dev/token': server,
      '/schema.graphql': server,
    },
  },
  test: {
    include: ['src/**/*.test.{ts,tsx}'],
    environment: 'jsdom',
    setupFiles: ['src/testing/setup.ts'],
    // These bound failures only: a passing test may take long on a busy machine.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 240_000 } },
    restoreMocks: true,
    unstubGlobals: true,
  },
});
