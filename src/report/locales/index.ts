/** The languages that reports are written in. */
import { en } from './en.js'
import type { Words } from './words.js'
import { zh } from './zh.js'

export const languages = ['en', 'zh'] as const
/** The languages that reports are written in. */
export type Language = (typeof languages)[number]

export const locales: Readonly<Record<Language, Words>> = { en, zh }
