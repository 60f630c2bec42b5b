/** The page's own files: what the build has made, each known by name before anybody asks. */
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Hono } from 'hono'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Empty where the page is not built. */
export function pageRoutes(): Hono {
  const app = new Hono()
  const folder = fileURLToPath(new URL('../../web/', import.meta.url))
  for (const name of names(folder)) {
    const type = types[extname(name)]
    if (type === undefined) continue
    const bytes = new Uint8Array(readFileSync(folder + name))
    // Names of scripts and styles hold a digest of their content
    const keep = name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'
    app.get(name === 'index.html' ? '/' : `/${name}`, context =>
      context.body(bytes, 200, { 'Content-Type': type, 'Cache-Control': keep }),
    )
  }
  return app
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true }).map(name => String(name).replaceAll('\\', '/'))
  } catch {
    return []
  }
}
