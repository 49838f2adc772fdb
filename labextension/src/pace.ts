/**
 * A task that is asked for often and done seldom.
 */

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

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
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
}
