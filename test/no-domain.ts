/**
 * Stands in for tap's `async-hook-domain`, which follows every promise to know whose an uncaught error is, and makes a suite of mostly
 * promises a third slower. Here an uncaught error ends the process, and the file it ran has failed.
 */
export class Domain {
  readonly onerror: unknown

  constructor(onerror: unknown) {
    this.onerror = onerror
  }

  destroy(): void {}
}
