/** A CSV of paths and labels: what is read, and what is refused with its line. */
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder, writeFiles } from '../fixtures.testing.js'
import { split } from '../split/split.js'
import { labelledImages } from './labels.js'

const root = await temporaryFolder()
await writeFiles(root, {
  'a.jpg': 'x',
  'b.jpg': 'x',
  'c, "d".jpg': 'x',
  'sub/ключ.png': 'x',
  '007.jpg': 'x',
  'cafe\u0301.jpg': 'x',
  'Large.JPG': 'x',
  'both.jpg': 'x',
  'both.png': 'x',
  'elsewhere/list.csv': 'a.jpg,one\nb.jpg,two\n',
})

let count = 0
/** Writes a CSV file beside the images and reads it. */
async function read(content: string | Uint8Array) {
  const name = `${count++}.csv`
  await writeFiles(root, { [name]: content })
  return labelledImages(join(root, name))
}

describe('a CSV of labels', () => {
  test('gives samples in its order and classes by code point', async () => {
    const { classes, samples, predefined, root: from } = await read('b.jpg,zebra\na.jpg,Ape\nsub/ключ.png,zebra\n')
    expect(classes).toEqual(['Ape', 'zebra'])
    expect(samples).toEqual([
      { path: 'b.jpg', label: 1 },
      { path: 'a.jpg', label: 0 },
      { path: 'sub/ключ.png', label: 1 },
    ])
    expect(predefined).toBeUndefined()
    expect(from).toBe(root)
  })

  test('may have quotes, a byte order mark, Windows line ends, empty lines, space around labels, no last line end', async () => {
    const { classes, samples } = await read('\ufeffpath,label\r\n"c, ""d"".jpg"," big, cat "\r\n\r\na.jpg, dog')
    expect(classes).toEqual(['big, cat', 'dog'])
    expect(samples.map(({ path }) => path)).toEqual(['c, "d".jpg', 'a.jpg'])
  })

  test.each([
    ['semicolons, as spreadsheets of many countries write them', 'file_name;category\na.jpg;"big, cat"\nb.jpg;dog\n'],
    ['tabs', 'a.jpg\tbig, cat\nb.jpg\tdog\n'],
  ])('may have %s', async (_, content) => {
    const { classes, samples } = await read(content)
    expect(classes).toEqual(['big, cat', 'dog'])
    expect(samples.map(({ path }) => path)).toEqual(['a.jpg', 'b.jpg'])
  })

  test('may have paths as Windows writes them', async () => {
    const { samples } = await read('.\\a.jpg,x\nsub\\ключ.png,y\n')
    expect(samples.map(({ path }) => path)).toEqual(['a.jpg', 'sub/ключ.png'])
  })

  test('may name its columns in any order, with others among them', async () => {
    const { classes, samples } = await read('id,Label,width,FileName\n7,cat,100,a.jpg\n8,dog,90,b.jpg\n')
    expect(classes).toEqual(['cat', 'dog'])
    expect(samples.map(({ path }) => path)).toEqual(['a.jpg', 'b.jpg'])
  })

  test('may start from another folder; equal rows count once, however the path is written', async () => {
    const { samples } = await labelledImages(join(root, 'elsewhere/list.csv'), { root })
    expect(samples.length).toBe(2)
    const again = await read(`a.jpg,one\nsub/../a.jpg,one\n${join(root, 'a.jpg')},one\nb.jpg,two\n`)
    expect(again.samples.map(({ path }) => path)).toEqual(['a.jpg', 'b.jpg'])
  })

  test.each([
    ['names without their extension', 'id,breed\n007,cat\nb.jpg,dog\n'],
    ['one column for each class', 'image_id;cat;dog;hen\n007;1;0;0\nb;0.0;1.0;0.0\n'],
    ['one other column than that of paths', 'filename,kind of animal\n007.jpg,cat\nb.jpg,dog\n'],
  ])('may have %s', async (_, content) => {
    const { classes, samples, warnings = [] } = await read(content)
    expect(classes).toEqual(['cat', 'dog'])
    expect(samples).toEqual([
      { path: '007.jpg', label: 0 },
      { path: 'b.jpg', label: 1 },
    ])
    for (const warning of warnings) expect(warning).toMatch(/the column hen has no 1: it is no class/)
  })

  test('tells all that is wrong with it at once, and leaves it to a check where that is asked for', async () => {
    const content = `a.jpg,x\nb.jpg,y\nnone.jpg,x\n007,\n../c.jpg,y\nboth,x\n${Array.from({ length: 20 }, (_, i) => `no${i},y\n`).join('')}`
    const message = await read(content).catch((error: Error) => error.message)
    expect(message).toMatch(/^24 things are wrong with .*\.csv:\n/)
    expect(message).toMatch(/line 4: has no label.*\n.*line 5: \.\.\/c\.jpg is not below/)
    expect(message).toMatch(/line 6: both may be both\.jpg or both\.png; write the one that is meant/)
    expect(String(message).split('\n').length).toBe(12)
    expect(message).toMatch(/and 14 more; regraft audit names them all$/)
    const kept = await labelledImages(join(root, `${count - 1}.csv`), { keepFaults: true })
    expect([kept.samples.length, kept.faults?.length]).toEqual([2, 24])
  })

  test('may name files whose letters are composed otherwise on the disk', async () => {
    const { samples } = await read('caf\u00e9.jpg,x\na.jpg,y\n')
    expect(samples[0]?.path).toMatch(/^caf.+\.jpg$/)
  })

  test('may give the split', async () => {
    const data = await read('a.jpg,x,train\nb.jpg,y,train\nsub/ключ.png,y,validation\n"c, ""d"".jpg",x,test\n')
    expect(data.predefined).toEqual({ train: [0, 1], val: [2], test: [3] })
    expect(split(data, { seed: 0 })).toEqual(data.predefined)
  })
})

describe('is refused', () => {
  const cases: readonly (readonly [name: string, content: string | Uint8Array, message: string | RegExp])[] = [
    ['a missing file', 'a.jpg,x\nnone.jpg,y\n', /\.csv, line 2: there is no file none\.jpg below .*; correct the path/],
    [
      'several',
      'path,label\nno1.jpg,x\nno2.jpg,y\n',
      /2 things are wrong with .*\n .*line 2: there is no file no1\.jpg.*\n .*line 3: there is no file no2\.jpg/,
    ],
    ['a folder as image', 'a.jpg,x\nsub,y\n', 'line 2: there is no file sub'],
    ['two labels', 'a.jpg,x\n\nb.jpg,y\na.jpg,y\n', 'line 4: a.jpg is y here and x in line 1; keep one'],
    ['two splits', 'a.jpg,x,train\na.jpg,x,val\n', 'line 2: a.jpg has another split here than in line 1'],
    ['no label', 'a.jpg,x\nb.jpg,  \n', 'line 2: has no label'],
    ['no path', ',x\n', 'line 1: has no path'],
    ['a line end in a label', 'a.jpg,"x\ny"\n', 'has a label with a control character, such as a line end; rename it'],
    ['a zero byte in a path', 'a\0.jpg,x\n', 'line 1: has a path with a zero byte'],
    [
      'a way out',
      'a.jpg,x\n../b.jpg,y\n',
      /line 2: \.\.\/b\.jpg is not below .*; move the image there, or give a root/,
    ],
    ['an absolute way out', 'a.jpg,x\n/etc/passwd,y\n', 'line 2: /etc/passwd is not below'],
    ['a way out as Windows writes it', 'a.jpg;x\n..\\b.jpg;y\n', /line 2: \.\.\/b\.jpg is not below/],
    ['the folder itself', 'a.jpg,x\n.,y\n', 'line 2: . is not below'],
    ['other capitals', 'a.jpg,x\nlarge.jpg,y\n', 'line 2: large.jpg may be Large.JPG; write the one that is meant'],
    ['headings of its own', 'bild,art\na.jpg,x\nb.jpg,y\n', 'line 1: there is no file bild below'],
    ['headings of its own, with advice', 'bild,art\na.jpg,x\n', 'holds headings, call them path and label'],
    [
      'a column of labels that has no name',
      'id,width,art\na,5,x\n',
      /line 1: no column is called label \(id,width,art\); call/,
    ],
    ['two classes for an image', 'id,cat,dog\na,1,1\nb,0,1\n007,1,0\n', 'line 2: has a 1 in 2 columns (cat, dog)'],
    ['one column', 'a.jpg|x\n', 'line 1: has 1 columns; expected path,label or path,label,split'],
    ['an unknown split', 'a.jpg,x,holdout\n', 'line 1: has the split holdout; write train, val or test'],
    ['a split like a property', 'a.jpg,x,constructor\n', 'has the split constructor'],
    ['a missing split', 'a.jpg,x,train\nb.jpg,y,\n', 'line 2: has no split, other rows have one'],
    ['a class that is not trained', 'a.jpg,x,train\nb.jpg,y,val\n', 'class y has no row for train'],
    ['one class', 'a.jpg,x\nb.jpg,x\n', 'has one class only (x): a classifier needs images of at least two classes'],
    ['an empty file', '', 'has no rows: a classifier needs images of at least two classes'],
    ['an open quote', 'a.jpg,x\n"b.jpg,y\n', 'is not a CSV file: Quote Not Closed'],
    ['Latin-1', Buffer.from('a.jpg,caf\xe9\n', 'latin1'), 'is not UTF-8 text; save it as "CSV UTF-8"'],
    ['UTF-16', Buffer.from('\ufeffa.jpg,x\n', 'utf16le'), 'is not UTF-8 text'],
    ['an endless row', `a.jpg,"${'x'.repeat(70_000)}"\n`, 'is not a CSV file: Max Record Size'],
  ]
  for (const [name, content, message] of cases) {
    test(name, () => expect(read(content)).rejects.toThrow(message))
  }

  test('a file that is not there', async () => {
    await expect(labelledImages(join(root, 'none.csv'))).rejects.toThrow(/there is no file .*none\.csv/)
    await expect(labelledImages(root)).rejects.toThrow('is not a file; give a CSV of paths and labels')
    await writeFile(join(root, 'large.csv'), '')
    await truncate(join(root, 'large.csv'), 257 * 1024 ** 2)
    await expect(labelledImages(join(root, 'large.csv'))).rejects.toThrow(
      'large.csv is larger than 256 MB; is it a list of images?',
    )
  })
})
