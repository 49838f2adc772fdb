/**
 * What a view shows, fetched anew where it may have changed, and only while it is seen: no DOM.
 */
import { Paced, RETRY_MS } from './pace';
import { Shown } from './shown';
import { Problem, ProblemKind } from './wire';

/** What may be over the next time that one asks, and nobody tells. */
const PASSING: readonly ProblemKind[] = ['offline', 'failed', 'bad-request'];

export abstract class Kept<State extends { readonly kind: string }> extends Shown {
  /** Fetched at most once in `gap` ms; where that failed and may not the next time, again after `retry` ms. */
  constructor(
    first: State,
    gap: number,
    private readonly retry = RETRY_MS
  ) {
    super();
    this._state = first;
    this._pace = new Paced(() => this.load(), gap);
  }

  get state(): State {
    return this._state;
  }

  /** Fetch it, seen or not. */
  refresh(): void {
    this._isAsked = true;
    this._pace.ask();
  }

  dispose(): void {
    super.dispose();
    this._pace.dispose();
  }

  /** What is shown may no longer be so. */
  protected age(): void {
    this._isStale = true;
    this.attend();
  }

  protected tell(state: State = this._state): void {
    this._state = state;
    this.emit();
  }

  /** Fetch what is shown. Throws a `Problem`. */
  protected abstract fetched(): Promise<State>;

  protected abstract failed(problem: Problem): State;

  protected attend(): void {
    if (this.visible && this._isStale) {
      this._pace.ask();
    }
  }

  private async load(): Promise<void> {
    if (!this.visible && !this._isAsked) {
      return;
    }
    this._isStale = this._isAsked = false;
    try {
      this.tell(await this.fetched());
    } catch (caught) {
      const problem = Problem.of(caught);
      const isAway = problem.kind === 'offline';
      // while the server is away, what was fetched is still true
      this.tell(
        isAway && this._state.kind === 'ready' ? this._state : this.failed(problem)
      );
      if (PASSING.includes(problem.kind)) {
        this._isStale = true;
        this._pace.askLater(this.retry);
      }
    }
  }

  private _state: State;
  private _isStale = true;
  private _isAsked = false;
  private readonly _pace: Paced;
}
