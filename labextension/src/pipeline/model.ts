/**
 * The pipeline of the project, kept up to date while it is seen: no DOM.
 */
import { IJob, IJobChange } from '../jobs';
import { Kept } from '../kept';
import { Lacking, lackingOf } from '../lacking';
import { IRun, Problem } from '../wire';
import type { IStage, IStart, PipelineApi } from './api';

export type PipelineState =
  | Lacking
  | {
      readonly kind: 'ready';
      readonly stages: readonly IStage[];
      /** The newest sweeps. */
      readonly sweeps: readonly IRun[];
    };

/** What the model asks of a server. */
export type IPipelineModelApi = Pick<
  PipelineApi,
  'stages' | 'sweeps' | 'jobs' | 'start' | 'stop'
>;

/** The plan reads what changed among notebooks and data. */
const GAP_MS = 400;

export class PipelineModel extends Kept<PipelineState> {
  constructor(private readonly api: IPipelineModelApi) {
    super({ kind: 'loading' }, GAP_MS);
  }

  /** The `jmlx run` of this server that goes on, or that ended last. */
  get job(): IJob | null {
    return this._job;
  }

  get isRunning(): boolean {
    return this._job?.state === 'running';
  }

  /** The stage that is looked at. */
  get selected(): IStage | null {
    return this.state.kind === 'ready'
      ? (this.state.stages.find(stage => stage.name === this._selected) ?? null)
      : null;
  }

  select(name: string | null): void {
    this._selected = name;
    this.tell();
  }

  /** Runs changed, or may have. */
  noteChange(): void {
    this.age();
  }

  /** A job at the server changed. */
  noteJob(change: IJobChange): void {
    if (change.what === 'run') {
      this.noteChange();
    }
  }

  /** Begin to run; throws a `Problem` where it cannot be begun. */
  async start(which: IStart = {}): Promise<void> {
    this._job = await this.api.start(which);
    this.tell();
    this.noteChange();
  }

  async stop(): Promise<void> {
    if (this._job?.state === 'running') {
      await this.api.stop(this._job.id);
    }
  }

  /** Put the end of a job out of sight. */
  dismiss(): void {
    if (!this.isRunning) {
      this._dismissed = this._job?.id ?? '';
      this._job = null;
      this.tell();
    }
  }

  protected async fetched(): Promise<PipelineState> {
    const [jobs, stages, sweeps] = await Promise.all([
      this.api.jobs(),
      this.api.stages(),
      this.api.sweeps()
    ]);
    const last = jobs.find(job => job.what === 'run');
    this._job = last && last.id !== this._dismissed ? last : null;
    return { kind: 'ready', stages, sweeps };
  }

  protected failed(problem: Problem): PipelineState {
    return lackingOf(problem);
  }

  private _job: IJob | null = null;
  private _dismissed = '';
  private _selected: string | null = null;
}
