/**
 * A run being made again: what goes on at the server, asked for while it is shown.
 */
import { Shown } from '../shown';
import { Problem } from '../wire';
import { IReproductions } from './wire';

/** The routes that this model asks. */
export interface IReproductionsApi {
  reproductions(id: string): Promise<IReproductions>;
  reproduce(id: string): Promise<IReproductions>;
  stopReproducing(id: string): Promise<void>;
}

const NONE: IReproductions = { running: false, said: [], problem: '', found: [] };

export class ReproductionsModel extends Shown {
  constructor(
    private readonly id: string,
    private readonly api: IReproductionsApi,
    private readonly gap = 700
  ) {
    super();
  }

  get state(): IReproductions {
    return this._state;
  }

  refresh(): Promise<void> {
    return this.take(() => this.api.reproductions(this.id));
  }

  /** Make the run again. */
  start(): Promise<void> {
    return this.take(() => this.api.reproduce(this.id));
  }

  async stop(): Promise<void> {
    await this.api.stopReproducing(this.id);
    await this.refresh();
  }

  dispose(): void {
    super.dispose();
    this._isDisposed = true;
    clearTimeout(this._timer);
  }

  protected attend(): void {
    clearTimeout(this._timer);
    if (this.visible) {
      void this.refresh();
    }
  }

  private async take(ask: () => Promise<IReproductions>): Promise<void> {
    clearTimeout(this._timer);
    try {
      this._state = await ask();
    } catch (caught) {
      const problem = Problem.of(caught);
      // an older server knows no such route: then there is nothing to show
      if (problem.kind !== 'no-server') {
        this._state = { ...this._state, running: false, problem: problem.message };
      }
    }
    if (this._isDisposed) {
      return;
    }
    this.emit();
    if (this._state.running && this.visible) {
      this._timer = setTimeout(() => void this.refresh(), this.gap);
    }
  }

  private _state = NONE;
  private _isDisposed = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
