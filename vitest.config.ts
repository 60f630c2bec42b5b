import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const shared = {
  testTimeout: 180_000,
  hookTimeout: 180_000,
  // A second, the default, is short where two cores do much else
  expect: { poll: { timeout: 30_000 } },
  pool: 'forks',
  // A process that has loaded the modules goes on to the next file
  isolate: false,
  setupFiles: 'test/setUp.ts',
  // What `npm run build` compiled is loaded as it ships, not as Vite would transform it
  server: { deps: { external: [/\/dist\/(?!.*\.test\.js$)/] } },
} as const

// Whether there is a GPU is found out once a process, and these make the CPU play one
const onGpus = ['test', 'dist']
  .filter(folder => existsSync(folder))
  .flatMap(folder => readdirSync(folder, { recursive: true }).map(name => `${folder}/${name}`.replaceAll('\\', '/')))
  .filter(path => /\.test\.[jt]s$/.test(path) && readFileSync(path, 'utf8').includes('/here.testing.js'))

export default defineConfig({
  test: {
    globalSetup: 'test/temporary.ts',
    // One core for Vitest itself, its default, would leave half of two idle; files that wait for processes leave more
    maxWorkers: availableParallelism() + 2,
    projects: [
      // The long ones: Vitest begins with them, since it goes by the names of projects
      { test: { ...shared, name: 'commands', include: ['test/**/*.test.ts'], exclude: onGpus } },
      { test: { ...shared, name: 'gpus', include: onGpus, isolate: true } },
      { test: { ...shared, name: 'rooms', include: ['dist/**/*.test.js'], exclude: onGpus } },
    ],
    coverage: {
      include: ['dist/**/*.js'],
      exclude: ['dist/**/*.test.js', 'dist/**/*.testing.js', 'dist/bench/**', 'dist/examples/**'],
      reporter: ['text-summary', 'html'],
    },
  },
})
