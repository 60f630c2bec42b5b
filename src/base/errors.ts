/** The error a person can cause: its message says what happened, where, and what to do next; it is shown without a stack trace. */

/** An error whose message is meant to be read as it stands. `code` names its kind for programs and for the exit status. */
export class RegraftError extends Error {
  override readonly name = 'RegraftError'

  /**
   * @param code kind of problem: `usage` (options, config), `data` (images, folders), `weights` (checkpoints),
   *   `network` (downloads), `training` (diverged, no memory), `run` (run folders), `engine` (no engine can do it), `interrupted` (by Ctrl-C; everything is saved)
   * @param message one or two sentences: what happened and where; what to do next
   */
  constructor(
    readonly code: 'usage' | 'data' | 'weights' | 'network' | 'training' | 'run' | 'engine' | 'interrupted',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/**
 * What went wrong. What Node or `throwIfAborted` stops at a signal says so in its own words; where whoever gave the signal
 * gave a reason in ours, that is it.
 */
export const inOwnWords = (thrown: unknown): unknown =>
  thrown instanceof Error && thrown.name === 'AbortError' && thrown.cause instanceof RegraftError
    ? thrown.cause
    : thrown
