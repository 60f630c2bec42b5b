import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Unit tests run on what `npm run build` compiled (so worker files are the ones that ship); test/ holds the slow, end-to-end ones.
export default defineConfig({
  test: {
    include: ['dist/**/*.test.js', 'test/**/*.test.ts'],
    globalSetup: 'test/temporary.ts',
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // A second, the default, is short where two cores do much else
    expect: { poll: { timeout: 30_000 } },
    pool: 'forks',
    // One core for Vitest itself, its default, would leave half of two idle; files that wait for processes leave more
    maxWorkers: availableParallelism() + 1,
    coverage: {
      include: ['dist/**/*.js'],
      exclude: ['dist/**/*.test.js', 'dist/**/*.testing.js', 'dist/bench/**', 'dist/examples/**'],
      reporter: ['text-summary', 'html'],
    },
  },
})
