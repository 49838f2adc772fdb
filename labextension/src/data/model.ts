/**
 * The tracked data of the project, kept up to date while it is seen: no DOM.
 */
import { IJob, IJobChange } from '../jobs';
import { Kept } from '../kept';
import { Lacking, lackingOf } from '../lacking';
import { Problem } from '../wire';
import type { DataApi, IDataState, ITracked } from './api';

export type DataViewState = Lacking | ({ readonly kind: 'ready' } & IDataState);

/** What the model asks of a server. */
export type IDataModelApi = Pick<DataApi, 'data' | 'jobs' | 'begin' | 'stop'>;

/** Looking at the data may read it. */
const GAP_MS = 1000;

export class DataModel extends Kept<DataViewState> {
  constructor(private readonly api: IDataModelApi) {
    super({ kind: 'loading' }, GAP_MS);
  }

  /** The job on data that goes on, or that ended last. */
  get job(): IJob | null {
    return this._job;
  }

  /** What is tracked at a path of the project, or above it. */
  at(path: string): ITracked | null {
    return this.state.kind === 'ready'
      ? (this.state.data.find(
          one => path === one.path || path.startsWith(`${one.path}/`)
        ) ?? null)
      : null;
  }

  /** Something may have written data. */
  noteChange(): void {
    this.age();
  }

  /** Begin to work; throws a `Problem` where it cannot be begun. */
  async begin(what: string, paths: readonly string[], rev = ''): Promise<void> {
    const job = await this.api.begin(what, paths, rev);
    // its end may have been told before its beginning was answered
    if (this._job?.id !== job.id) {
      this._job = job;
    }
    this.tell();
  }

  async stop(): Promise<void> {
    if (this._job?.state === 'running') {
      await this.api.stop(this._job.id);
    }
  }

  /** A job at the server changed, one of another window perhaps. */
  async noteJob(change: IJobChange): Promise<void> {
    if (change.what === 'run') {
      return;
    }
    if (change.state === 'running' && this._job?.id === change.id) {
      this._job = { ...this._job, ...change };
    } else {
      try {
        const jobs = await this.api.jobs();
        this._job = jobs.find(job => job.id === change.id) ?? this._job;
      } catch {
        return;
      }
    }
    if (change.state !== 'running') {
      this.refresh();
    }
    this.tell();
  }

  /** Put the end of a job out of sight. */
  dismiss(): void {
    if (this._job?.state !== 'running') {
      this._job = null;
      this.tell();
    }
  }

  protected async fetched(): Promise<DataViewState> {
    return { kind: 'ready', ...(await this.api.data()) };
  }

  protected failed(problem: Problem): DataViewState {
    return lackingOf(problem);
  }

  private _job: IJob | null = null;
}
