/** What a study comes to, in lines of plain English for a terminal. */
import { pieces, type Text } from '../document/document.js'
import { locales } from '../locales/index.js'
import { levelBlock } from './rankingSection.js'
import { readStudy } from './readStudy.js'
import { byValidation, cellScore } from './scores.js'
import { conclusionText, measure } from './tableSection.js'

/** What each table comes to, in plain text by its option, and how the others do against the first of the ranking. */
export async function studyConclusions(
  folder: string,
): Promise<{ tables: Map<string, string>; ranking: string[]; paired: boolean }> {
  const [study, words] = [await readStudy(folder), locales.en]
  const plain = (text: Text) =>
    pieces(text)
      .map(piece => (typeof piece === 'string' ? piece : 'strong' in piece ? piece.strong : piece.code))
      .join('')
  const tables = study.record.tables.map(
    table => [table.option, plain(conclusionText(measure(study, table).conclusion, table.option, words))] as const,
  )
  const ranking = levelBlock(byValidation(study.record.cells.map(cellScore)), study.outcomes, words)
  return {
    tables: new Map(tables),
    paired: study.record.tables.some(table => measure(study, table).differences.by === 'pairs'),
    ranking: ranking.flatMap(block => ('text' in block ? [plain(block.text)] : [])),
  }
}
