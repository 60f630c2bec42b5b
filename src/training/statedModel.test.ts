/** What a file says of itself is taken where it is as `export` writes it, and otherwise says nothing. */
import { describe, expect, it } from 'vitest'
import { statedModel } from './statedModel.js'

describe('a file’s word on itself', () => {
  it.each([
    ['classes', 'no JSON'],
    ['classes', '[]'],
    ['classes', '["a", 3]'],
    ['classes', '{"__proto__": ["a"]}'],
    ['preprocessing', '{"size": 0}'],
    ['preprocessing', '{"size": 1e9, "resize": 1e9, "interpolation": "bilinear", "crop": "center"}'],
    ['temperature', '0'],
    ['temperature', 'Infinity'],
  ])('is not taken: %s %s', (name, text) => {
    expect(statedModel({ [name]: text })).toEqual({ otherPreprocessing: name === 'preprocessing' })
  })

  it('cannot move the cursor of a terminal', () => {
    expect(statedModel({ classes: JSON.stringify(['a\u001b[2Jb\nc']) }).classes).toEqual(['a\ufffd[2Jb\ufffdc'])
  })
})
