/**
 * What the server says of tracked data; paths are the project's.
 */
import { URLExt } from '@jupyterlab/coreutils';

import { JobsApi } from '../jobs';

export type DataState = 'unchanged' | 'modified' | 'missing' | 'not-in-store' | 'partial';

/** Tracked data as its pointer has it, and how the work tree stands against that. */
export interface ITracked {
  readonly path: string;
  readonly state: DataState;
  readonly kind: 'file' | 'folder';
  readonly digest: string;
  readonly size_bytes: number;
  readonly files: number;
}

/** One version in git's history. */
export interface IVersion {
  readonly commit: string;
  readonly at: string;
  readonly subject: string;
  readonly digest: string | null;
  readonly size_bytes: number | null;
  readonly problem: string;
}

export interface IDataState {
  readonly data: readonly ITracked[];
  readonly remotes: readonly string[];
}

interface IFileChange {
  readonly path: string;
  readonly before_path: string | null;
}

/** What `jmlx diff --json` says of one path. */
export interface IPathDifference {
  readonly path: string;
  readonly added: readonly IFileChange[];
  readonly removed: readonly IFileChange[];
  readonly modified: readonly IFileChange[];
  readonly renamed: readonly IFileChange[];
  readonly tables: readonly {
    readonly path: string;
    readonly added: number;
    readonly removed: number;
    readonly changed: number;
    readonly problem: string;
  }[];
}

export class DataApi extends JobsApi {
  data(): Promise<IDataState> {
    return this.ask<IDataState>('data');
  }

  async versions(path: string): Promise<readonly IVersion[]> {
    const route = 'data/versions' + URLExt.objectToQueryString({ path });
    return (await this.ask<{ versions: readonly IVersion[] }>(route)).versions;
  }

  /** Between a version and the work tree; without `a`, the pointer's. */
  async diff(path: string, a: string): Promise<readonly IPathDifference[]> {
    const route = 'data/diff' + URLExt.objectToQueryString({ path, ...(a ? { a } : {}) });
    return (await this.ask<{ differences: readonly IPathDifference[] }>(route))
      .differences;
  }
}
