import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const shared = {
  testTimeout: 180_000,
  hookTimeout: 180_000,
  // A second, the default, is short where two cores do much else
  expect: { poll: { timeout: 30_000 } },
  pool: 'forks',
  setupFiles: 'test/setUp.ts',
  // What `npm run build` compiled is loaded as it ships, not as Vite would transform it
  server: { deps: { external: [/\/dist\/(?!.*\.test\.js$)/] } },
} as const

// Whether there is a GPU is found out once a process, and these make the CPU play one
const onGpus = existsSync('dist')
  ? readdirSync('dist', { recursive: true })
      .map(name => `dist/${name}`.replaceAll('\\', '/'))
      .filter(path => path.endsWith('.test.js') && readFileSync(path, 'utf8').includes('/here.testing.js'))
  : []

export default defineConfig({
  test: {
    globalSetup: 'test/temporary.ts',
    // One core for Vitest itself, its default, would leave half of two idle; files that wait for processes leave more
    maxWorkers: availableParallelism() + 2,
    projects: [
      // The long ones: Vitest begins with them, since it goes by the names of projects
      { test: { ...shared, name: 'commands', include: ['test/**/*.test.ts'] } },
      { test: { ...shared, name: 'gpus', include: onGpus } },
      // Many and short: a process that has loaded the modules goes on to the next file
      { test: { ...shared, name: 'rooms', include: ['dist/**/*.test.js'], exclude: onGpus, isolate: false } },
    ],
    coverage: {
      include: ['dist/**/*.js'],
      exclude: ['dist/**/*.test.js', 'dist/**/*.testing.js', 'dist/bench/**', 'dist/examples/**'],
      reporter: ['text-summary', 'html'],
    },
  },
})
