import { defineConfig } from 'vitest/config';

/**
 * Stock clients from npm against the real server program (`make bin/server`, or ORDERWIRE_SERVER). Each file starts a server of its
 * own, so the files run one after another.
 */
export default defineConfig({
  test: {
    include: ['peers/**/*.test.ts'],
    environment: 'node',
    fileParallelism: false,
    // These bound failures only: a passing test may take long on a busy machine.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 240_000 } },
    // urql aborts the fetch of an event stream at its end and does not handle the rejection.
    onUnhandledError: ({ name, stack }) => name === 'AbortError' && Boolean(stack?.includes('urql')) ? false : undefined,
  },
});
