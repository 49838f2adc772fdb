/**
 * What the server says of the cells of notebooks.
 */
import { URLExt } from '@jupyterlab/coreutils';

import { Requests } from '../api';
import { IPlace, IRun } from '../wire';

/** A run of a cell, with the code that was executed. */
export interface ICellRun extends IRun {
  readonly source: string;
}

/** The runs of one cell. */
export interface ICellRuns {
  readonly cell_id: string;
  readonly count: number;
  readonly run: ICellRun;
  readonly before: IRun | null;
}

/** What the views of a notebook ask of a server; paths are the project's. */
export interface ICellsApi {
  place(): Promise<IPlace>;
  cells(notebook: string): Promise<readonly ICellRuns[]>;
  /** Cell → the files that its last run read and that are not as they were. */
  changedData(notebook: string): Promise<Readonly<Record<string, readonly string[]>>>;
  history(notebook: string, cell: string): Promise<readonly ICellRun[]>;
  outputs(run: string): Promise<readonly object[]>;
  snapshot(notebook: string, message: string): Promise<IRun>;
}

export class CellsApi extends Requests implements ICellsApi {
  async cells(notebook: string): Promise<readonly ICellRuns[]> {
    const path = 'cells' + URLExt.objectToQueryString({ notebook });
    return (await this.ask<{ cells: readonly ICellRuns[] }>(path)).cells;
  }

  async changedData(
    notebook: string
  ): Promise<Readonly<Record<string, readonly string[]>>> {
    const path = 'cells/data' + URLExt.objectToQueryString({ notebook });
    return (await this.ask<{ changed: Record<string, readonly string[]> }>(path)).changed;
  }

  async history(notebook: string, cell: string): Promise<readonly ICellRun[]> {
    const path = 'cells/runs' + URLExt.objectToQueryString({ notebook, cell });
    return (await this.ask<{ runs: readonly ICellRun[] }>(path)).runs;
  }

  async outputs(run: string): Promise<readonly object[]> {
    const path = `runs/${encodeURIComponent(run)}/outputs`;
    return (await this.ask<{ outputs: readonly object[] }>(path)).outputs;
  }

  snapshot(notebook: string, message: string): Promise<IRun> {
    const body = JSON.stringify({ notebook, message });
    return this.ask<IRun>('snapshots', { method: 'POST', body });
  }
}
