/**
 * What the server says of the pipeline: its stages, and the sweeps over them.
 */
import { URLExt } from '@jupyterlab/coreutils';

import { IJob, JobsApi } from '../jobs';
import { IRunPage } from '../runs/shapes';
import { IRun } from '../wire';

/** How far a stage that runs is; empty before its first cell. */
export interface IProgress {
  readonly cell?: number;
  readonly cells?: number;
  /** What it printed last. */
  readonly line?: string;
}

/** The newest run of a stage. */
export interface IStageRun extends IRun {
  readonly progress: IProgress;
  /** Of a failure, what was said. */
  readonly error: string | null;
}

/** A stage, and what would be done about it. */
export interface IStage {
  readonly name: string;
  readonly action: 'run' | 'cached' | 'skipped';
  readonly reason: string;
  readonly duration_s: number | null;
  /** The name in mlx.yaml: one stage there may stand for several. */
  readonly group: string;
  /** Empty where the stage is a command. */
  readonly notebook: string;
  readonly command: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly upstream: readonly string[];
  /** Where it stands in mlx.yaml; 0 where that is not known. */
  readonly line: number;
  readonly run: IStageRun | null;
}

/** Which stages are to be run; without any, all. */
export interface IStart {
  readonly stages?: readonly string[];
  readonly from?: readonly string[];
  readonly force?: boolean;
}

/** The shape of a notebook, as far as a failed cell is looked for in it. */
export interface INotebookCells {
  readonly cells: readonly {
    readonly id?: string;
    readonly outputs?: readonly { readonly output_type: string }[];
  }[];
}

/** So many sweeps are listed. */
const SWEEPS = 10;
/** So many points of a sweep are listed. */
const POINTS = 200;

export class PipelineApi extends JobsApi {
  async stages(): Promise<readonly IStage[]> {
    return (await this.ask<{ stages: readonly IStage[] }>('pipeline')).stages;
  }

  start(which: IStart): Promise<IJob> {
    const body = JSON.stringify(which);
    return this.ask<IJob>('pipeline/run', { method: 'POST', body });
  }

  /** The newest sweeps. */
  async sweeps(): Promise<readonly IRun[]> {
    const query = { query: 'kind = "sweep"', limit: SWEEPS };
    return (await this.ask<IRunPage>('runs' + URLExt.objectToQueryString(query))).runs;
  }

  /** The points of a sweep; `sort` as the route has it, the newest first without. */
  points(sweep: string, sort: string): Promise<IRunPage> {
    const query = { query: `parent = "${sweep}"`, limit: POINTS, ...(sort && { sort }) };
    return this.ask<IRunPage>('runs' + URLExt.objectToQueryString(query));
  }

  /** What a run executed, with its outputs. */
  async executed(run: string): Promise<INotebookCells> {
    const path = `runs/${encodeURIComponent(run)}/notebook`;
    return (await this.ask<{ notebook: INotebookCells }>(path)).notebook;
  }
}
