/** Builds the pages: the dashboard into dist/web and, with `--mode classifier`, the one that is exported into dist/webClassifier. Files of their own, nothing from elsewhere. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = dirname(fileURLToPath(import.meta.url))

export default defineConfig(({ mode }) => {
  const classifier = mode === 'classifier'
  return {
    root: classifier ? join(here, 'classifier') : here,
    base: './',
    esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
    build: {
      outDir: join(here, '..', '..', 'dist', classifier ? 'webClassifier' : 'web'),
      emptyOutDir: true,
      target: 'es2022',
      minify: true,
      modulePreload: { polyfill: false },
      // Pictures inside a style would need a policy that allows them
      assetsInlineLimit: 0,
      reportCompressedSize: false,
      // The licences of what is bundled ask to be where it is
      license: classifier ? false : { fileName: 'licences.md' },
      // The exported page's few files lie side by side under names that a person can read
      ...(classifier
        ? {
            assetsDir: '',
            rollupOptions: { output: { entryFileNames: 'classifier.js', assetFileNames: '[name][extname]' } },
          }
        : {}),
    },
    ...(classifier ? { worker: { format: 'es', rollupOptions: { output: { entryFileNames: 'worker.js' } } } } : {}),
  }
})
