/** Image folders: what is a class, what is an image, which split is given, and what is said when a folder is not as it should be. */
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { sharedPath } from '../../base/shared.js'
import { jpeg, picture, temporaryFolder, writeFiles } from '../fixtures.testing.js'
import { byCodePoint } from './codePoints.js'
import { alikeWarnings } from './folderWarnings.js'
import { type ImageFolderOptions, imageFolder } from './imageFolder.js'

const image = await jpeg()

/** A folder with these files; those without content are images. */
async function folder(...paths: (string | [string, string | Uint8Array])[]): Promise<string> {
  const root = await temporaryFolder()
  await writeFiles(root, Object.fromEntries(paths.map(path => (typeof path === 'string' ? [path, image] : path))))
  return root
}

const refusal = async (root: string, options?: ImageFolderOptions) =>
  imageFolder(root, options).then(
    () => 'accepted',
    (error: Error) => error.message,
  )

describe('classes and images', () => {
  test('are sorted by code point, as PyTorch sorts them', async () => {
    const root = await folder('b/2.jpg', 'b/10.jpg', 'B/1.jpg', 'a/1.jpg', 'é/1.jpg', '\u{1f600}/1.jpg', '\uff5e/1.jpg')
    const { classes, samples } = await imageFolder(root)
    expect(classes).toEqual(['B', 'a', 'b', 'é', '\uff5e', '\u{1f600}'])
    expect(samples.filter(({ label }) => label === 2).map(({ path }) => path)).toEqual(['b/10.jpg', 'b/2.jpg'])
    expect(['ab', 'a', 'b', 'B'].sort(byCodePoint)).toEqual(['B', 'a', 'ab', 'b'])
  })

  test('of parts in capitals, or under longer names, are a split as others are', async () => {
    const root = await folder('TRAIN/a/1.jpg', 'TRAIN/b/1.jpg', 'Valid/a/2.jpg', 'Testing/b/2.jpg')
    const { classes, samples, predefined } = await imageFolder(root)
    expect(classes).toEqual(['a', 'b'])
    expect(samples.map(({ path }) => path)).toEqual([
      'TRAIN/a/1.jpg',
      'TRAIN/b/1.jpg',
      'Valid/a/2.jpg',
      'Testing/b/2.jpg',
    ])
    expect(predefined).toEqual({ train: [0, 1], val: [2], test: [3] })
  })

  test('are found by content where the name says nothing; the rest is counted', async () => {
    const root = await folder(
      'a/photo',
      ['a/webp.dat', await picture(8, 8).webp().toBuffer()],
      ['a/Thumbs.db', 'not an image'],
      ['a/tmp', ''],
      'a/.hidden.jpg',
      'a/deep/er/PHOTO.JPEG',
      'b/1.jpg',
      '.cache/1.jpg',
      ['README.txt', 'about'],
    )
    const { samples, classes, ignored } = await imageFolder(root)
    expect(classes).toEqual(['a', 'b'])
    expect(samples.map(({ path }) => path)).toEqual(['a/deep/er/PHOTO.JPEG', 'a/photo', 'a/webp.dat', 'b/1.jpg'])
    expect(ignored).toBe(3)
  })

  test('a folder of images whose name begins with a dot is no class, and is told; others of that kind are not', async () => {
    const root = await folder('a/1.jpg', 'b/1.jpg', '.c/more/1.jpg', ['.git/config', 'text'])
    const { classes, warnings } = await imageFolder(root)
    expect(classes).toEqual(['a', 'b'])
    expect(warnings).toEqual([
      `${join(root, '.c')} holds images and is passed over, since its name begins with a dot; rename it if it is a class, or pass --exclude .c`,
    ])
    expect((await imageFolder(root, { exclude: ['.c'] })).warnings).toEqual([])
    const parts = await folder('train/a/1.jpg', 'train/b/1.jpg', 'train/.c/1.jpg', 'test/a/1.jpg')
    expect((await imageFolder(parts)).warnings).toEqual([expect.stringContaining(join('train', '.c'))])
  })

  test('a broken file that is named as an image stays, to be reported by the check', async () => {
    const root = await folder('a/1.jpg', ['b/page.jpg', '<html>'])
    expect((await imageFolder(root)).samples).toHaveLength(2)
  })

  test('links are followed, but not in circles', async () => {
    const root = await folder('a/1.jpg', 'b/1.jpg')
    const outside = await folder('x/deep.png')
    await symlink(join(root, 'a/1.jpg'), join(root, 'b/link.jpg'))
    await symlink(root, join(root, 'b/loop'))
    await symlink(join(root, 'nowhere'), join(root, 'b/broken.jpg'))
    await symlink(join(outside, 'x'), join(root, 'c'))
    const { classes, samples } = await imageFolder(root, { exclude: ['c'] })
    expect(classes).toEqual(['a', 'b'])
    expect(samples.filter(({ label }) => label === 0)).toHaveLength(1)
    expect((await imageFolder(root)).classes).toEqual(['a', 'b', 'c'])
  })

  test('can be excluded, and a misspelt name is corrected', async () => {
    const root = await folder('cats/1.jpg', 'dogs/1.jpg', 'BACKGROUND_Google/1.jpg')
    expect((await imageFolder(root, { exclude: ['BACKGROUND_Google'] })).classes).toEqual(['cats', 'dogs'])
    expect(await refusal(root, { exclude: ['background_gogle'] })).toBe(
      '--exclude background_gogle: there is no such folder; did you mean BACKGROUND_Google?',
    )
    expect(await refusal(root, { exclude: ['zebra'] })).toBe('--exclude zebra: there is no such folder')
  })
})

describe('what people bring', () => {
  test('folders that systems leave are passed over', async () => {
    const root = await folder(
      'a/1.jpg',
      'b/1.jpg',
      '__MACOSX/a/1.jpg',
      '@eaDir/1.jpg',
      'lost+found/1.jpg',
      '.Trash-0/1.jpg',
    )
    await writeFiles(root, { 'a/@eaDir/1.jpg': image })
    expect(await imageFolder(root)).toMatchObject({ classes: ['a', 'b'], samples: { length: 2 } })
  })

  test('a link to a folder that holds it is not entered, also by way of another folder', async () => {
    const [root, outside] = [await folder('ant/1.jpg', 'bee/1.jpg'), await folder('1.jpg')]
    await symlink('..', join(root, 'ant/self'))
    await symlink('.', join(root, 'all'))
    await symlink(outside, join(root, 'ant/more'))
    await symlink(root, join(outside, 'back'))
    const { classes, samples } = await imageFolder(root)
    expect(classes).toEqual(['ant', 'bee'])
    expect(samples.map(({ path }) => path)).toEqual(['ant/1.jpg', 'ant/more/1.jpg', 'bee/1.jpg'])
  })

  test('one level too deep: the folder that is meant is named', async () => {
    const root = await folder('photos/cat/1.jpg', 'photos/dog/1.jpg')
    const below = join(root, 'photos')
    expect(await refusal(root)).toBe(
      `${root} has one class only (photos); ${below} holds 2 folders and looks like what is meant: pass that`,
    )
    const deep = await folder('a/photos/cat/1.jpg', 'a/photos/dog/1.jpg', ['a/README.txt', 'x'], ['notes.txt', 'x'])
    expect(await refusal(deep)).toMatch(`${join(deep, 'a/photos')} holds 2 folders and looks like what is meant`)
  })

  test('images of other formats are counted for each class', async () => {
    const root = await folder(
      'a/1.jpg',
      ['a/2.jxl', 'x'],
      ['a/3.JXL', 'x'],
      ['a/4.psd', 'x'],
      ['a/notes.txt', 'x'],
      'b/1.jpg',
    )
    expect((await imageFolder(root)).warnings).toEqual([
      'class a has images of formats that are not read (2 JXL, 1 PSD), which are left out; convert them to JPEG or PNG',
    ])
  })

  test('classes whose names are alike are named', async () => {
    const classes = ['Cat', 'cat', 'caf\u00e9', 'cafe\u0301', 'dog', 'dog ', 'hen ']
    // Not on every disk can such folders stand side by side
    expect(alikeWarnings(classes)).toEqual([
      "the classes 'Cat' and 'cat' differ in capital letters only; are they one?",
      "the classes 'caf\u00e9' and 'cafe\u0301' look the same and are different names on the disk; are they one?",
      "the classes 'dog' and 'dog ' differ in spaces at the end only; are they one?",
      "the class 'hen ' has a space at an end of its name; rename it if that is not meant",
    ])
  })

  test('names are words in what may be copied into a shell, and those that are not seen are named', async () => {
    const root = await folder('a/1.jpg', ['$(reboot)/x.txt', 'x'], ['-rf/x.txt', 'x'])
    expect(await refusal(root)).toMatch(/pass --exclude '\$\(reboot\)'\n.*pass --exclude=-rf$/)
    expect(alikeWarnings(['cat', 'cat\u200b', 'red\x1b[31m', '\u{1f408}\u200d\u2b1b'])).toEqual([
      expect.stringMatching(/^the classes 'cat' and 'cat\u200b' differ/),
      expect.stringMatching(/^the class 'cat\u200b' has characters in its name that are not seen/),
      expect.stringMatching(/^the class 'red.*' has characters in its name that are not seen/),
    ])
  })

  test('empty classes are told at once', async () => {
    const root = await folder('a/1.jpg', 'b/1.jpg', ['c/x.txt', 'x'], ['d/x.txt', 'x'])
    expect(await refusal(root)).toMatch(
      /^2 things are wrong with .*:\n {2}class c has .*--exclude c\n {2}class d has .*--exclude d$/,
    )
  })
})

describe('a given split', () => {
  test('is taken from folders named train, valid and test', async () => {
    const root = await folder('train/a/1.jpg', 'train/a/2.jpg', 'train/b/1.jpg', 'valid/b/3.jpg', 'test/a/4.jpg')
    const { classes, samples, predefined } = await imageFolder(root)
    expect(classes).toEqual(['a', 'b'])
    expect(predefined).toEqual({ train: [0, 1, 2], val: [3], test: [4] })
    expect(samples[3]).toEqual({ path: 'valid/b/3.jpg', label: 1 })
  })

  test('may lack a part', async () => {
    const root = await folder('train/a/1.jpg', 'train/b/1.jpg', 'test/a/2.jpg')
    expect((await imageFolder(root)).predefined).toEqual({ train: [0, 1], val: [], test: [2] })
  })

  test('must not have classes that train has not', async () => {
    const root = await folder('train/a/1.jpg', 'train/b/1.jpg', 'val/c/2.jpg')
    expect(await refusal(root)).toMatch(/val has a class c that train has not/)
    expect(await refusal(root, { exclude: ['c'] })).toMatch(/val has no class folders/)
    expect(await refusal(root, { exclude: ['val'] })).toMatch(/one class only/)
  })

  test('must not have other folders beside it', async () => {
    const root = await folder('train/a/1.jpg', 'train/b/1.jpg', 'val/a/2.jpg', 'labels/a/1.jpg')
    expect(await refusal(root)).toMatch(/beside them labels; pass --exclude labels/)
    expect((await imageFolder(root, { exclude: ['labels'] })).predefined?.val).toEqual([2])
  })

  test('is not seen where train is a class', async () => {
    const root = await folder('train/1.jpg', 'bus/1.jpg')
    expect(await imageFolder(root)).toMatchObject({ classes: ['bus', 'train'] })
  })
})

describe('refuses', () => {
  test('folders that are not there, or files', async () => {
    const root = await folder('a/1.jpg')
    expect(await refusal(join(root, 'nothing'))).toBe(`there is no folder ${join(root, 'nothing')}; check the path`)
    expect(await refusal(join(root, 'a/1.jpg'))).toMatch(/is a file, not a folder/)
  })

  test('images without class folders, saying what is expected', async () => {
    const root = await folder('1.jpg', '2.jpg')
    expect(await refusal(root)).toMatch(/no class folders \(it holds 2 files\): expected one folder per class/)
  })

  test('one class, and an empty class', async () => {
    expect(await refusal(await folder('only/1.jpg'))).toMatch(/one class only \(only\)/)
    const root = await folder('a/1.jpg', ['b/notes.txt', 'nothing'])
    expect(await refusal(root, { exclude: ['a', 'b'] })).toMatch(/no class folders \(all are excluded\)/)
    const among =
      'class b has no images that can be read among its 1 file; convert them to JPEG or PNG, or pass --exclude b'
    expect(await refusal(root)).toBe(among)
  })
})

const caltech = sharedPath('data/101_ObjectCategories')
test.skipIf(!caltech)(
  `Caltech-101 has 8,677 images in 101 classes${caltech ? '' : ' (skipped: needs ../shared/data)'}`,
  async () => {
    const { classes, samples } = await imageFolder(caltech!, { exclude: ['BACKGROUND_Google'] })
    expect([classes.length, samples.length]).toEqual([101, 8677])
    expect(classes.slice(0, 3)).toEqual(['Faces', 'Faces_easy', 'Leopards'])
  },
)
