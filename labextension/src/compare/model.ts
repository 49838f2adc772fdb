/**
 * Runs compared, kept up to date while they are shown.
 */
import { Kept } from '../kept';
import { RETRY_MS } from '../pace';
import { IChange, Problem } from '../wire';
import { IBeside } from './wire';

/** Comparing asks much: running runs are followed, but not step by step. */
const GAP_MS = 1500;

export type CompareState =
  | { readonly kind: 'loading' }
  | { readonly kind: 'ready'; readonly beside: IBeside }
  | { readonly kind: 'failed'; readonly message: string };

export class CompareModel extends Kept<CompareState> {
  constructor(
    readonly ids: readonly string[],
    private readonly api: { beside(ids: readonly string[]): Promise<IBeside> },
    gap = GAP_MS,
    retry = RETRY_MS
  ) {
    super({ kind: 'loading' }, gap, retry);
  }

  /** How often the runs were fetched: with each time, what else is shown of them may be another. */
  get round(): number {
    return this._round;
  }

  /** Some runs changed; perhaps some of these. */
  noteChange(change: IChange): void {
    if (change.runs.length === 0 || change.runs.some(id => this.ids.includes(id))) {
      this.age();
    }
  }

  protected async fetched(): Promise<CompareState> {
    const beside = await this.api.beside(this.ids);
    this._round++;
    return { kind: 'ready', beside };
  }

  protected failed({ message }: Problem): CompareState {
    return { kind: 'failed', message };
  }

  private _round = 0;
}
