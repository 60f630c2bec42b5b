/** The Python that tests compare with, where it has what they need. */
import { spawnSync } from 'node:child_process'

const python = process.env.REGRAFT_PEER_PYTHON
const looks =
  'import sys; from importlib.util import find_spec; sys.exit(any(find_spec(m) is None for m in sys.argv[1:]))'

/** The program that REGRAFT_PEER_PYTHON names, if it has all these modules. */
export const pythonWith = (...modules: readonly string[]): string | undefined =>
  python !== undefined && spawnSync(python, ['-c', looks, ...modules]).status === 0 ? python : undefined
