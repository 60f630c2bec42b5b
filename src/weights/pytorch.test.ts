/** PyTorch's files are read to the exact numbers, and refused in words where they hold anything but weights. */
import { describe, expect, it } from 'vitest'
import { RegraftError } from '../base/errors.js'
import { type Crafted, floats, pickle, tensor, torchZip, zip } from './craft.testing.js'
import { readPyTorch } from './pytorch.js'
import { checkpoint, kinds, legacy, legacyCheckpoint, program, protocol4, wholeModule } from './pytorchFiles.testing.js'
import type { StateDict } from './stateDict.js'

/** What the files hold: torch.arange(count) * 0.25 - 1. */
const num = (count: number) => Array.from({ length: count }, (_, i) => i * 0.25 - 1)

const listed = (state: StateDict) =>
  Object.fromEntries([...state].map(([name, { shape, values }]) => [name, { shape, values: [...values] }]))

/** The message of the refusal. */
async function refusal(bytes: Buffer): Promise<string> {
  const error: unknown = await readPyTorch(bytes).then(
    () => undefined,
    reason => reason,
  )
  expect(error).toBeInstanceOf(RegraftError)
  expect(error).toMatchObject({ code: 'weights' })
  return (error as RegraftError).message
}

const oneTensor = (value: Crafted): Crafted => ({ dict: [['weight', value]] })

describe('files that PyTorch wrote', () => {
  it('reads the legacy format: names in order, channels-last memory, parameters, counters', async () => {
    const state = (await readPyTorch(legacy)).tensors
    expect([...state.keys()]).toEqual(['conv.weight', 'bn.running_var', 'bn.num_batches_tracked', 'fc.weight'])
    expect(listed(state)).toEqual({
      'conv.weight': { shape: [2, 3, 2, 2], values: num(24) },
      'bn.running_var': { shape: [2], values: num(2) },
      'bn.num_batches_tracked': { shape: [], values: [7] },
      'fc.weight': { shape: [3, 2], values: num(6) },
    })
    expect(state.get('bn.num_batches_tracked')?.integer).toBe(true)
    expect(state.get('fc.weight')?.integer).toBeUndefined()
  })

  it.each([
    ['zip', checkpoint],
    ['legacy', legacyCheckpoint],
  ])('finds the weights in a %s checkpoint beside optimiser and scheduler, and drops prefixes', async (_, bytes) => {
    expect(listed((await readPyTorch(bytes)).tensors)).toEqual({
      weight: { shape: [2, 2], values: num(4) },
      bias: { shape: [2], values: num(2) },
    })
  })

  it('converts every number format, and reads views in row-major order', async () => {
    const state = listed((await readPyTorch(kinds)).tensors)
    for (const name of ['half', 'bfloat', 'double']) expect(state[name]?.values).toEqual([-1, -0.75, -0.5])
    expect(state.long?.values).toEqual([-1, 2 ** 40])
    expect(state.byte?.values).toEqual([0, 255])
    expect(state.flag?.values).toEqual([1, 0])
    expect(state.base).toEqual({ shape: [2, 3], values: num(6) })
    expect(state.transposed).toEqual({ shape: [3, 2], values: [-1, -0.25, -0.75, 0, -0.5, 0.25] })
    expect(state.column).toEqual({ shape: [2], values: [-0.75, 0] })
    expect(state.expanded).toEqual({ shape: [3, 2], values: [-1, -0.75, -1, -0.75, -1, -0.75] })
    expect(state.scalar).toEqual({ shape: [], values: [0.5] })
    expect(state.empty).toEqual({ shape: [0, 4], values: [] })
  })

  it('reads newer pickle protocols', async () => {
    expect(listed((await readPyTorch(protocol4)).tensors)).toEqual({ 'a.weight': { shape: [2, 2], values: num(4) } })
  })

  it('refuses a whole module, and says how to save its weights', async () => {
    expect(await refusal(wholeModule)).toMatch(
      /holds a whole module \('torch\.nn\.modules\.linear\.Linear'\).*torch\.save\(model\.state_dict\(\), 'weights\.pth'\)/,
    )
  })

  it.each([
    ['legacy', legacy],
    ['zip', checkpoint],
  ])('refuses a %s file that was cut off, wherever that is', async (_, bytes) => {
    for (let length = 0; length < bytes.length; length += 7) await refusal(bytes.subarray(0, length))
  })
})

describe('crafted files', () => {
  const four = { storage: '0', count: 4 }

  it('gives weights and their average each below its key, where a file holds both', async () => {
    const one = oneTensor(tensor(four, 0, [4], [1]))
    const both: Crafted = {
      dict: [
        ['epoch', 3],
        ['state_dict', one],
        ['state_dict_ema', one],
      ],
    }
    const read = async (content: Crafted) => (await readPyTorch(torchZip(content, { 0: floats([1, 2, 3, 4]) }))).tensors
    expect([...(await read(both)).keys()]).toEqual(['state_dict.weight', 'state_dict_ema.weight'])
    const decay: Crafted = {
      dict: [
        ['state_dict', one],
        ['ema', { dict: [['decay', 1]] }],
      ],
    }
    expect([...(await read(decay)).keys()]).toEqual(['weight'])
  })

  it('reads big-endian storages where the file says so', async () => {
    const content = oneTensor(tensor(four, 0, [4], [1]))
    const state = (await readPyTorch(torchZip(content, { 0: floats([1, -2, 3.5, 4], 'big') }, 'big'))).tensors
    expect(listed(state).weight?.values).toEqual([1, -2, 3.5, 4])
  })

  it.each([
    ['os.system', { call: 'posix.system', args: ['touch owned'] }],
    ['a reducer in a list', [{ call: 'builtins.eval', args: ['1'] }]],
    ['a name alone', { global: 'builtins.exec' }],
    ['a prototype name', { call: 'collections.constructor', args: [] }],
  ] satisfies [string, Crafted][])('refuses and names code: %s', async (_, value) => {
    const message = await refusal(torchZip({ dict: [['weight', value]] }, {}))
    expect(message).toMatch(/it refers to '(posix\.system|builtins\.\w+|collections\.constructor)'.*nothing was run/)
  })

  it.each([
    ['offset', tensor(four, 1, [4], [1])],
    ['stride', tensor(four, 0, [2, 2], [3, 1])],
    ['size', tensor(four, 0, [5], [1])],
    ['overflowing size', tensor(four, 0, [2 ** 40, 2 ** 40], [1, 2 ** 40])],
  ])('refuses a view beyond its storage by %s', async (_, view) => {
    expect(await refusal(torchZip(oneTensor(view), { 0: floats([1, 2, 3, 4]) }))).toMatch('beyond its storage')
  })

  it('refuses a negative stride', async () => {
    expect(await refusal(torchZip(oneTensor(tensor(four, 3, [4], [-1])), { 0: floats([1, 2, 3, 4]) }))).toMatch(
      'not described as PyTorch does it',
    )
  })

  it('refuses a storage that is shorter than it claims, or missing', async () => {
    const content = oneTensor(tensor(four, 0, [4], [1]))
    expect(await refusal(torchZip(content, { 0: floats([1, 2, 3]) }))).toMatch('cut off')
    expect(await refusal(torchZip(content, {}))).toMatch('missing')
  })

  it('refuses to blow one number up to gigabytes', async () => {
    expect(await refusal(torchZip(oneTensor(tensor(four, 0, [2 ** 31], [0])), { 0: floats([1, 2, 3, 4]) }))).toMatch(
      'many times over',
    )
    const shared = tensor({ storage: '0', count: 10_000 }, 0, [10_000], [1])
    const many: Crafted = { dict: Array.from({ length: 1000 }, (_, i) => [`w${i}`, shared]) }
    expect(await refusal(torchZip(many, { 0: Buffer.alloc(40_000) }))).toMatch('many times over')
  })

  it('refuses to look through one thing any number of times', async () => {
    // A list of a thousand tuples under memo 0, then three thousand dictionaries made of it.
    const list = Buffer.concat([Buffer.from('\x80\x02](', 'latin1'), Buffer.alloc(1000, ')'), Buffer.from('eq\0')])
    const copy = Buffer.from('ccollections\nOrderedDict\nh\0\x85R', 'latin1')
    const copies = Buffer.concat([list, ...new Array<Buffer>(3000).fill(copy), Buffer.from('.')])
    expect(await refusal(zip([['archive/data.pkl', copies]]))).toMatch('longer than that of any network')
    // A dictionary of a thousand numbers, then one that has it a thousand times and one.
    const key = (i: number) => Buffer.from(`M${String.fromCharCode(i & 255, i >> 8)}`, 'latin1')
    const items = (count: number, value: string) =>
      Array.from({ length: count }, (_, i) => Buffer.concat([key(i), Buffer.from(value)]))
    const inner = [Buffer.from('\x80\x02}(', 'latin1'), ...items(1000, 'N'), Buffer.from('uq\0')]
    const shared = Buffer.concat([...inner, Buffer.from('}('), ...items(1001, 'h\0'), Buffer.from('u.')])
    expect(await refusal(zip([['archive/data.pkl', shared]]))).toMatch('larger than those of any network')
  })

  it('refuses names and numbers of entries that no network has', async () => {
    const one = tensor(four, 0, [1], [1])
    const named = (names: string[]): Crafted => ({ dict: names.map(name => [name, one]) })
    const bytes = { 0: floats([1, 2, 3, 4]) }
    const long = 'layer1.0.conv1.'.repeat(100)
    expect(await refusal(torchZip(named([long]), bytes))).toBe('it has a name of 1500 characters, which no network has')
    const many = Array.from({ length: 20_001 }, (_, i) => String(i))
    expect(await refusal(torchZip(named(many), bytes))).toBe('it has more than 20000 entries, which no network has')
  })

  it('refuses compressed and doubled entries, and archives of other programs', async () => {
    expect(await refusal(zip([['archive/data.pkl', pickle({ dict: [] })]], 8))).toMatch('compressed')
    const entry = ['archive/data.pkl', pickle({ dict: [] })] as const
    expect(await refusal(zip([entry, entry]))).toMatch("two entries 'archive/data.pkl'")
    expect(await refusal(zip([['word/document.xml', Buffer.from('<w/>')]]))).toMatch('not one that torch.save wrote')
    expect(await refusal(zip([entry, ['archive/constants.pkl', Buffer.alloc(0)]]))).toMatch('TorchScript')
    expect(await refusal(program)).toBe(
      "it is a TorchScript program (torch.jit.save), of which nothing is run or read here. Save its weights alone, in PyTorch: torch.save(torch.jit.load('FILE', map_location='cpu').state_dict(), 'weights.pth')",
    )
    expect(await refusal(zip([['net/models/model.json', Buffer.from('{}')]]))).toMatch(
      "torch.save(torch.export.load('FILE').state_dict, 'weights.pth')",
    )
  })

  it('says what is there instead of weights', async () => {
    expect(await refusal(torchZip({ dict: [] }, {}))).toMatch('an empty dictionary')
    expect(await refusal(torchZip({ dict: [['epoch', 3]] }, {}))).toMatch("its keys are 'epoch'")
    expect(await refusal(torchZip(3, {}))).toMatch('a single value')
    expect(await refusal(torchZip(tensor(four, 0, [2, 2], [2, 1]), { 0: floats([1, 2, 3, 4]) }))).toMatch(
      'a single tensor [2, 2]',
    )
  })

  it.each([
    ['2.', 'takes more than it has put'],
    ['t.', 'has no mark where it needs one'],
    ['NNs.', 'takes more than it has put'],
    ['NNNs.', 'sets items of what is no dictionary'],
    ['N(NNu.', 'sets items of what is no dictionary'],
    ['NNa.', 'appends to what is no list'],
    ['N)R.', 'calls what is no function'],
    ['h\x05.', 'refers to what it has not stored'],
    ['\x80\x09.', 'is of a protocol that does not exist yet'],
    ['NN\x93.', 'names what is no text'],
    ['N', 'ends in the middle'],
  ])('refuses a pickle that makes no sense: %j', async (operations, what) => {
    expect(await refusal(zip([['archive/data.pkl', Buffer.from(operations, 'latin1')]]))).toContain(
      `the pickle ${what}`,
    )
  })

  it('refuses endless and self-referring pickles in bounded time', async () => {
    const asPickle = (bytes: Buffer) => refusal(zip([['archive/data.pkl', bytes]]))
    expect(await asPickle(Buffer.alloc(3_000_000, ']'))).toMatch('longer than that of any network')
    // {'model': itself}
    const itself = Buffer.from('\x80\x02}q\x00X\x05\x00\x00\x00modelh\x00s.', 'latin1')
    expect(await asPickle(itself)).toMatch('no weights')
    // A number of 2^31 - 1 bytes
    expect(await asPickle(Buffer.from('\x8b\xff\xff\xff\x7f.', 'latin1'))).toMatch('too long')
    expect(await asPickle(Buffer.from('i__main__\nEvil\n.', 'latin1'))).toMatch('an operation (0x69)')
  })
})
