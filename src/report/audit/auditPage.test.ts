/** The page of an audit: what was found, escaped, with pictures, in one file. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { sharedPath } from '../../base/shared.js'
import { jpeg, scene, writeFiles } from '../../data/fixtures.testing.js'
import { audit, imageFolder, split } from '../../data/index.js'
import { writeAuditPage } from './auditPage.js'

const folder = await mkdtemp(join(tmpdir(), 'regraft-audit-'))
afterAll(() => rm(folder, { recursive: true, force: true }))
process.env.REGRAFT_CACHE = join(folder, 'cache')

test('shows counts, reasons and pictures, and nothing of what names could do to it', async () => {
  const root = join(folder, 'images')
  const original = await scene(1).jpeg({ quality: 95 }).toBuffer()
  const cropped = scene(1).extract({ left: 90, top: 40, width: 190, height: 170 })
  await writeFiles(root, {
    'cats/1.jpg': original,
    'cats/<script>alert(1)<.jpg': await jpeg(2, 64, 48),
    'dogs/1.jpg': await cropped.jpeg().toBuffer(),
    'dogs/2.jpg': 'not an image',
  })
  const data = await imageFolder(root)
  const found = await audit(data, { split: () => ({ train: [0, 1], val: [2], test: [3] }), threads: 2 })
  expect(found.pairs.crop).toEqual({ within: 0, across: 1 })
  expect(found.sharing).toEqual([{ classes: ['cats', 'dogs'], pairs: 1 }])
  expect(found.apart).toBe(2)
  const file = join(folder, 'audit.html')
  await writeAuditPage(file, data, found)
  const page = await readFile(file, 'utf8')
  expect(page).toContain('cats and dogs')
  expect(page).toContain('not a known image format')
  expect(page).not.toContain('<script')
  expect(page).not.toMatch(/src="(?!data:)/)
  expect(page.match(/<img src="data:image\/jpeg/g)?.length).toBeGreaterThanOrEqual(2)
})

const caltech = sharedPath('data/101_ObjectCategories')
test.skipIf(!caltech)(
  `Faces and Faces_easy share pictures, found by content${caltech ? '' : ' (skipped: needs ../shared/data/101_ObjectCategories)'}`,
  async () => {
    const whole = await imageFolder(caltech!, { exclude: ['BACKGROUND_Google'] })
    const few = whole.samples.filter(({ path }) => /^(Faces|Faces_easy|accordion)\/image_000/.test(path))
    const data = { ...whole, samples: few }
    const found = await audit(data, { split: groups => split(data, { seed: 0, groups }) })
    expect(found.sharing).toEqual([{ classes: ['Faces', 'Faces_easy'], pairs: 9 }])
    expect(found.bad).toEqual([])
  },
)
