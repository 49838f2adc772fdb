/**
 * A task that is asked for often and done seldom.
 */

/** After so long a server that was away is asked again. */
export const RETRY_MS = 5000;

/**
 * Does `task` at once when it is first asked for, then at most once in
 * `gap` milliseconds, never twice at a time; what is asked meanwhile is done
 * once, afterwards.
 */
export class Paced {
  constructor(
    private readonly task: () => Promise<void>,
    private readonly gap: number
  ) {}

  ask(): void {
    if (this.resting) {
      this.wanted = true;
    } else {
      void this.run();
    }
  }

  /** Ask after so many milliseconds, as when the server was away; once, however often that is said. */
  askLater(ms: number): void {
    clearTimeout(this.later);
    if (!this.disposed) {
      this.later = setTimeout(() => this.ask(), ms);
    }
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    clearTimeout(this.later);
  }

  private async run(): Promise<void> {
    this.resting = true;
    this.wanted = false;
    try {
      await this.task();
    } finally {
      if (!this.disposed) {
        this.timer = setTimeout(() => {
          this.resting = false;
          if (this.wanted) {
            void this.run();
          }
        }, this.gap);
      }
    }
  }

  private resting = false;
  private wanted = false;
  private disposed = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private later: ReturnType<typeof setTimeout> | undefined;
}
