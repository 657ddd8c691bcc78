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
    // These bound what has failed; a busy machine may take long over what has not.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 240_000 } },
    // urql aborts its fetch of an event stream that it has enough of, and leaves the rejection to nobody.
    onUnhandledError: ({ name, stack }) => name === 'AbortError' && Boolean(stack?.includes('urql')) ? false : undefined,
  },
});
