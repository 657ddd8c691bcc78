import { defineConfig } from 'vitest/config';

/**
 * Stock clients from npm against the real server program (`make bin/server`, or the one named by ORDERWIRE_SERVER). Each file
 * has a server of its own, so they run one after the other.
 */
export default defineConfig({
  test: {
    include: ['peers/**/*.test.ts'],
    environment: 'node',
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // urql aborts its fetch of an event stream that it has enough of, and leaves the rejection to nobody.
    onUnhandledError: ({ name, stack }) => name === 'AbortError' && Boolean(stack?.includes('urql')) ? false : undefined,
  },
});
