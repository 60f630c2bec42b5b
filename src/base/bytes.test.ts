import { describe, expect, it } from 'vitest'
import { amountPattern, bytes, bytesOf } from './bytes.js'

describe('amounts of memory', () => {
  it.each([
    ['4GB', 4e9],
    ['1.5 gb', 1.5e9],
    ['800MB', 8e8],
  ])('%s is read', (text, amount) => {
    expect(text).toMatch(amountPattern)
    expect(bytesOf(text)).toBe(amount)
  })

  it.each(['4', 'GB', '-1GB', '4TB', '4GB of it', '1e9'])('%s is none', text => expect(text).not.toMatch(amountPattern))

  it('are written in the unit that suits them', () => {
    expect([999, 5e5, 1.44e9, 999.6e6].map(bytes)).toEqual(['999 bytes', '500 kB', '1.4 GB', '1.0 GB'])
  })
})
