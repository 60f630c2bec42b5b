/** PyTorch's zip format (1.6 and later): a pickle that describes the tensors, and one entry for each storage. */
import { z } from 'zod'
import { parseJson } from '../base/json.js'
import { readPickle } from './pickle.js'
import type { Weights } from './stateDict.js'
import { stateOf } from './stateOf.js'
import { readTensors, torchWorld, wrong } from './torchTensor.js'
import { zipEntries } from './zip.js'

/** Beside the pickle, where PyTorch does not look: what a file says of itself, as JSON's texts by name. */
export const ownEntry = 'regraft.json'
const texts = z.record(z.string(), z.string()).catch({})
/** More is no description. */
const longest = 2 ** 22

/** @throws RegraftError('weights') that says what is wrong with the content */
export async function readTorchZip(bytes: Buffer): Promise<Weights> {
  const entries = await zipEntries(bytes, refuseProgram)
  const pickle = [...entries].find(([name]) => /^[^/]+\/data\.pkl$/.test(name))
  if (!pickle) throw wrong('it is a zip archive, but not one that torch.save wrote (it has no data.pkl)')
  const folder = pickle[0].slice(0, -'data.pkl'.length)
  const order = entries.get(`${folder}byteorder`)?.toString('latin1') ?? 'little'
  if (order !== 'little' && order !== 'big') throw wrong('its byte order is neither little nor big')
  const { value } = readPickle(pickle[1], 0, torchWorld)
  const bytesOf = ({ key }: { readonly key: string }) => {
    const data = entries.get(`${folder}data/${key}`)
    if (!data) throw wrong('a storage that its weights refer to is missing')
    return data
  }
  const own = entries.get(`${folder}${ownEntry}`)
  const metadata = texts.parse(own && own.length <= longest ? parseJson(own.toString('utf8')) : {})
  return { tensors: await readTensors(stateOf(value), bytesOf, bytes.length, order === 'little'), metadata }
}

/** torch.jit.save and torch.export write programs under the same names; both hold weights, but beside code. */
function refuseProgram(names: Iterable<string>): void {
  const all = [...names]
  const program = all.some(name => /^[^/]+\/constants\.pkl$/.test(name))
    ? ['a TorchScript program (torch.jit.save)', "torch.jit.load('FILE', map_location='cpu').state_dict()"]
    : all.some(name => /^[^/]+\/models\/[^/]+\.json$/.test(name))
      ? ['an exported program (torch.export.save)', "torch.export.load('FILE').state_dict"]
      : undefined
  if (program)
    throw wrong(
      `it is ${program[0]}, of which nothing is run or read here. Save its weights alone, in PyTorch: torch.save(${program[1]}, 'weights.pth')`,
    )
}
