/** Names of options: camel case in programs, hyphens on the command line and in files. */

/** lrBackbone → lr-backbone */
export const kebab = (name: string): string => name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)

/** lr-backbone → lrBackbone */
export const camel = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
