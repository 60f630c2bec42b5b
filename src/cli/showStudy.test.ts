/** What every run of a study tells alike is shown once. */
import { afterEach, expect, it, vi } from 'vitest'
import type { StudyRecord } from '../study/index.js'
import { showStudy } from './showStudy.js'

afterEach(() => {
  vi.restoreAllMocks()
})

it('a note or warning of every run stands there once', () => {
  const written: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation(text => written.push(String(text)) > 0)
  const { onEvent, close } = showStudy({ cells: [], tables: [] } as unknown as StudyRecord)
  for (let run = 0; run < 3; run++) {
    onEvent({ type: 'note', message: 'mine.pth is resnet18, by its names and shapes' })
    onEvent({ type: 'warning', message: 'two images are one' })
  }
  close()
  expect(written.join('')).toBe('mine.pth is resnet18, by its names and shapes\nwarning: two images are one\n')
})
