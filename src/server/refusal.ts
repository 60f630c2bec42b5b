/** A request that is not answered as it wished: its status, and why, in words. */

export class Refusal extends Error {
  override readonly name = 'Refusal'

  constructor(
    readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 422 | 503,
    message: string,
    /** Seconds after which it may be asked again. */
    readonly retryAfter?: number,
  ) {
    super(message)
  }
}
