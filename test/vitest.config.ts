import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build-once.ts', 'test/support/sample-place.ts'],
    // A test that starts servers or other programs takes seconds on a busy machine; one that hangs must still end.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    setupFiles: ['test/support/property-limits.ts'],
    // Only what is slow for its kind is worth a line in a log.
    slowTestThreshold: 10_000,
    // OpenSSL inside Node reads this bundle at every start of Node 20, which slows each child process down.
    env: { NODE_EXTRA_CA_CERTS: '' },
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary'],
      reportOnFailure: true,
    },
  },
});
