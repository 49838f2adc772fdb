/**
 * Work that goes on at the server: begun, followed by events, stopped.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';

import { Requests } from './api';

export const JOB_SCHEMA_ID = 'https://events.jupyter.org/jupyter_mlx/job_changed/v1';

/** How far a job is: what an event tells. */
export interface IJobChange {
  readonly id: string;
  readonly what: string;
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  readonly files: number;
  /** 0 while it is not known. */
  readonly of_files: number;
  readonly size_bytes: number;
  readonly of_bytes: number;
}

export interface IJob extends IJobChange {
  readonly paths: readonly string[];
  readonly problem: string;
  readonly said: readonly string[];
}

/** What is asked about jobs. */
export class JobsApi extends Requests {
  async jobs(): Promise<readonly IJob[]> {
    return (await this.ask<{ jobs: readonly IJob[] }>('jobs')).jobs;
  }

  /** Work on data; `rev` is of a checkout. */
  begin(what: string, paths: readonly string[], rev = ''): Promise<IJob> {
    const body = JSON.stringify({ what, paths, rev });
    return this.ask<IJob>('jobs', { method: 'POST', body });
  }

  async stop(id: string): Promise<void> {
    await this.send(`jobs/${encodeURIComponent(id)}`, { method: 'DELETE' });
  }
}

/** Hear of jobs that change. */
export function onJob(app: JupyterFrontEnd, note: (change: IJobChange) => void): void {
  app.serviceManager.events.stream.connect((_, event) => {
    if (event.schema_id === JOB_SCHEMA_ID) {
      note(event as unknown as IJobChange);
    }
  });
}
