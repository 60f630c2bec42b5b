/** Exports a trained model as a page that classifies images in a browser, with no server behind it. */
import { copyFile, mkdir, readdir, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RegraftError } from '../base/errors.js'
import { writeFileAtomic, writeJson, writing } from '../base/files.js'
import { readModel } from '../training/index.js'
import { type ExportedOnnx, exportOnnx } from './exportOnnx.js'

/** A page that was written, and how its model was checked. */
export interface ExportedPage {
  /** Of all files. */
  readonly bytes: number
  readonly files: number
  readonly check: ExportedOnnx['check']
}

/** Of the package onnxruntime-web: the runtime on WebAssembly alone, in one thread or many. */
const runtimeFiles = ['ort.wasm.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm']

const notice = `ort*.mjs and ort*.wasm are ONNX Runtime Web, Copyright (c) Microsoft Corporation, under the MIT licence:
https://github.com/microsoft/onnxruntime/blob/main/LICENSE
`

/** @throws RegraftError('usage') where the optional package is not installed */
function runtimeFolder(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve('onnxruntime-web'))
  } catch {
    throw new RegraftError(
      'usage',
      "the page runs on the package onnxruntime-web, which is not installed; 'npm install onnxruntime-web' adds it",
    )
  }
}

/** @throws RegraftError('usage') where the folder holds something else than such a page */
async function makeFolder(folder: string): Promise<void> {
  await writing(folder, () => mkdir(folder, { recursive: true }))
  const names = await writing(folder, () => readdir(folder))
  if (names.length > 0 && !names.includes('classifier.js'))
    throw new RegraftError('usage', `${folder} holds other files; name a folder that is empty or not there yet`)
}

/**
 * Writes `index.html`, its scripts and style, `model.onnx` with preprocessing and softmax inside, `model.json` and the
 * runtime: files that any web server can serve as they are. The model is checked as every exported one is.
 * @param run a run folder, or a model folder
 * @param folder where to; made where it is missing, and an earlier page in it is replaced
 * @param calibration whether the run's temperature is used; default true
 * @throws RegraftError('run') where there is no model; RegraftError('usage') where onnxruntime-web or the page is missing
 */
export async function exportWeb(run: string, folder: string, calibration = true): Promise<ExportedPage> {
  const runtime = runtimeFolder()
  const page = fileURLToPath(new URL('../webClassifier/', import.meta.url))
  const pageFiles = await readdir(page).catch(() => {
    throw new RegraftError('usage', "the page is not built; 'npm run build' in Regraft's folder makes it")
  })
  const { network, classes } = await readModel(run)
  await makeFolder(folder)
  const { check } = await exportOnnx(run, join(folder, 'model.onnx'), {
    preprocessing: true,
    probabilities: true,
    calibration,
  })
  await writeJson(join(folder, 'model.json'), { network, classes })
  await writeFileAtomic(join(folder, 'NOTICE'), notice)
  const copies = [...runtimeFiles.map(name => join(runtime, name)), ...pageFiles.map(name => join(page, name))]
  for (const from of copies) {
    const to = join(folder, from.slice(dirname(from).length + 1))
    await writing(to, () => copyFile(from, to))
  }
  const names = await readdir(folder)
  const sizes = await Promise.all(names.map(async name => (await stat(join(folder, name))).size))
  return { bytes: sizes.reduce((a, b) => a + b, 0), files: names.length, check }
}
