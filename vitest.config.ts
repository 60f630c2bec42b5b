import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const shared = {
  testTimeout: 180_000,
  hookTimeout: 180_000,
  // A second, the default, is short where two cores do much else
  expect: { poll: { timeout: 30_000 } },
  // A process that has loaded the modules goes on to the next file, except where files ask for one of their own
  pool: 'forks',
  setupFiles: 'test/setUp.ts',
  // What `npm run build` compiled is loaded as it ships, not as Vite would transform it
  server: { deps: { external: [/\/dist\/(?!.*\.test\.js$)/] } },
} as const

// Whether there is a GPU is found out once a process, and these make the CPU play one
const [commands, rooms] = [testsOf('test'), testsOf('dist')]
const onGpus = [...commands, ...rooms].filter(path => /\/here\.testing\.[jt]s'/.test(readFileSync(path, 'utf8')))

function testsOf(folder: string): string[] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder, { recursive: true }).map(name => `${folder}/${name}`.replaceAll('\\', '/'))
  return names.filter(path => /\.test\.(js|ts)$/.test(path))
}

export default defineConfig({
  test: {
    globalSetup: 'test/temporary.ts',
    // One core for Vitest itself, its default, would leave half of two idle; files that wait for processes leave more
    maxWorkers: availableParallelism() + 2,
    projects: [
      // The long ones: Vitest begins with them, since it goes by the names of projects
      { test: { ...shared, name: 'commands', include: commands, exclude: onGpus, isolate: false } },
      { test: { ...shared, name: 'gpus', include: onGpus } },
      { test: { ...shared, name: 'rooms', include: rooms, exclude: onGpus, isolate: false } },
    ],
    coverage: {
      include: ['dist/**/*.js'],
      exclude: ['dist/**/*.test.js', 'dist/**/*.testing.js', 'dist/bench/**', 'dist/examples/**'],
      reporter: ['text-summary', 'html'],
    },
  },
})
