/** Writes the report of a run or a study, as a page and as Markdown, from its folder alone. */
import { join, resolve } from 'node:path'
import { writeFileAtomic } from '../base/files.js'
import { holdsStudy } from '../study/index.js'
import { writeHtml } from './document/html.js'
import { writeMarkdown } from './document/markdown.js'
import { type Language, locales } from './locales/index.js'
import { readRun } from './readRun.js'
import { runReport } from './runReport.js'
import { readStudy } from './study/readStudy.js'
import { studyReport } from './study/studyReport.js'

/**
 * Writes `report.html`, which needs nothing beside it, and `report.md`, whose figures and pictures are files in the folder.
 * @param folder of a run, or of a study with its runs below it
 * @returns the paths of both
 * @throws RegraftError('run') where the folder holds neither, or one of its files is damaged
 */
export async function writeReport(
  folder: string,
  { language = 'en' }: { readonly language?: Language } = {},
): Promise<{ readonly html: string; readonly markdown: string }> {
  const context = { folder: resolve(folder), words: locales[language] }
  const document = holdsStudy(folder)
    ? await studyReport(await readStudy(folder), context)
    : await runReport(await readRun(folder), context)
  const [html, markdown] = [join(folder, 'report.html'), join(folder, 'report.md')]
  await writeFileAtomic(html, writeHtml(document))
  await writeFileAtomic(markdown, writeMarkdown(document))
  return { html, markdown }
}
