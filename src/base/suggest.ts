/** Finds what a person most likely meant by a word that is not known. */

/** Number of insertions, deletions, replacements and swaps of neighbours between two words (Damerau-Levenshtein, restricted). */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replace = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, replace)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1)
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}

/** The candidate nearest to `word`, or undefined where none is near: more than a third of its letters differ, or two, or of a word of three one. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map(candidate => ({ candidate, far: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.far - b.far)
  const best = ranked[0]
  const most = word.length <= 3 ? 1 : Math.max(2, Math.floor(word.length / 3))
  return best && best.far <= most ? best.candidate : undefined
}

/** What an error says after a word that is not known: "; did you mean 'epochs'?", or nothing where none is near. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const hint = closest(word, candidates)
  return hint ? `; did you mean '${hint}'?` : ''
}
