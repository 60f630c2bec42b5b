/** What an audit of labels found: a page with pictures, and a table for other programs. */
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { csvField } from '../../base/csv.js'
import { writeFileAtomic } from '../../base/files.js'
import { version } from '../../base/version.js'
import type { LabelAudit, LabelDoubt } from '../../training/index.js'
import { type Block, type Picture, paragraph, type ReportDocument } from '../document/document.js'
import { writeHtml } from '../document/html.js'
import { thumbnailOf } from '../pictures/thumbnail.js'
import { count, share } from './auditTables.js'

/** Pictures on the page; the table has all. */
const SHOWN = 240
const AT_ONCE = 4

/**
 * Writes `label-audit.html` and `label-audit.csv` into the run's folder.
 * @returns their paths
 */
export async function writeLabelAudit(
  run: string,
  found: LabelAudit,
): Promise<{ readonly page: string; readonly table: string }> {
  const [page, table] = [join(run, 'label-audit.html'), join(run, 'label-audit.csv')]
  const lines = found.doubts.map(({ path, label, suggested, labelProbability, suggestedProbability, confident }) =>
    [path, label, suggested]
      .map(csvField)
      .concat(labelProbability.toFixed(4), suggestedProbability.toFixed(4), confident ? 'likely wrong' : 'uncertain')
      .join(','),
  )
  const head = 'path,label,suggested,label_probability,suggested_probability,doubt'
  await writeFileAtomic(table, `${[head, ...lines].join('\n')}\n`)
  await writeFileAtomic(page, writeHtml(await labelDocument(found)))
  return { page, table }
}

async function labelDocument(found: LabelAudit): Promise<ReportDocument> {
  const { data, images, agreeing, doubts } = found
  const wrong = doubts.filter(({ confident }) => confident)
  const uncertain = doubts.filter(({ confident }) => !confident)
  const rest = Math.max(0, SHOWN - wrong.length)
  return {
    language: 'en',
    title: 'Labels that may be wrong',
    subtitle: resolve(data.root),
    contents: 'Contents',
    lead: [
      {
        kind: 'tiles',
        tiles: [
          { label: 'Images', value: count(images) },
          { label: 'Likely wrong', value: count(wrong.length), note: share(wrong.length, images) },
          { label: 'Uncertain', value: count(uncertain.length), note: share(uncertain.length, images) },
          { label: 'Agreed with', value: count(agreeing), note: share(agreeing, images) },
        ],
      },
      paragraph([
        'Five heads were trained on the features of the run’s network, each on four fifths of the images, and each said what the other fifth shows. Labels are likely wrong where a head is as sure of another class as it is of that class’s own images on average (confident learning). Look at them before you change anything: a rare view of the right class is doubted, too. All of them are in ',
        { code: 'label-audit.csv' },
        '.',
      ]),
    ],
    sections: [
      { id: 'wrong', title: 'Likely wrong, the most doubtful first', blocks: await gallery(data.root, wrong, SHOWN) },
      { id: 'uncertain', title: 'Uncertain', blocks: await gallery(data.root, uncertain, Math.min(rest, SHOWN / 4)) },
    ],
    footer: `Written by regraft ${version}`,
  }
}

async function gallery(root: string, doubts: readonly LabelDoubt[], most: number): Promise<Block[]> {
  if (doubts.length === 0) return [paragraph('None.')]
  const shown = doubts.slice(0, most)
  const pictures: Picture[] = []
  for (let first = 0; first < shown.length; first += AT_ONCE)
    pictures.push(
      ...(await Promise.all(shown.slice(first, first + AT_ONCE).map(doubt => pictureOf(root, doubt)))).flat(),
    )
  const left = doubts.length - shown.length
  return [
    { kind: 'pictures', pictures },
    ...(left > 0 ? [paragraph([`${count(left)} more are in `, { code: 'label-audit.csv' }, '.'])] : []),
  ]
}

async function pictureOf(root: string, doubt: LabelDoubt): Promise<Picture[]> {
  const { path, label, suggested, labelProbability, suggestedProbability } = doubt
  const jpeg = await readFile(resolve(root, path))
    .then(thumbnailOf)
    .catch(() => undefined)
  if (jpeg === undefined) return []
  const caption = [
    ['labelled ', { strong: label }, `, ${share(labelProbability, 1)}`],
    ['looks like ', { strong: suggested }, `, ${share(suggestedProbability, 1)}`],
    { code: path },
  ]
  return [{ file: path, jpeg, path, caption }]
}
