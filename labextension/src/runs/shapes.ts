/**
 * What the list of runs asks of a server, and what it is answered.
 */
import { IRun } from '../wire';

/** What runs are put together by; empty for one list of all. */
export type By = '' | 'notebook' | 'cell' | 'sweep' | 'tag';

/** A run of the list, with how many stand under it and the shape of a metric. */
export interface IListedRun extends IRun {
  readonly children: number;
  readonly spark?: readonly (number | string)[];
}

/** Which runs, in which order. */
export interface ISelection {
  readonly query: string;
  readonly sort: string;
  readonly trash: boolean;
  /** Only those that stand under no other one. */
  readonly roots: boolean;
}

/** A part of a selection. */
export interface IRunPage {
  readonly runs: readonly IListedRun[];
  /** Not there from a server that is older than this panel. */
  readonly offset?: number;
  readonly total: number;
  readonly seq: number;
}

/** The runs of one notebook, cell, sweep or tag. */
export interface IGroup {
  readonly key: string | null;
  readonly name: string;
  readonly notebook: string | null;
  readonly latest: string;
  readonly count: number;
  readonly running: number;
  readonly failed: number;
}

/** What can be written in a query. */
export interface INames {
  readonly fields: readonly string[];
  readonly params: readonly string[];
  readonly metrics: readonly string[];
  readonly tags: readonly string[];
  readonly kinds: readonly string[];
  readonly statuses: readonly string[];
}

/** What is done to many runs at once. */
export interface IAction {
  readonly trashed?: boolean;
  readonly starred?: boolean;
  readonly note?: string;
  readonly add_tags?: readonly string[];
  readonly drop_tags?: readonly string[];
}

/** So many runs are named by one answer. */
export const MOST_IDS = 10_000;

/** What the model of the list asks of a server. */
export interface IBrowsingApi {
  page(
    which: ISelection,
    offset: number,
    limit: number,
    spark: string
  ): Promise<IRunPage>;
  groups(by: By, query: string, trash: boolean): Promise<readonly IGroup[]>;
  ids(
    which: ISelection,
    offset: number,
    limit: number
  ): Promise<{ readonly ids: readonly string[]; readonly total: number }>;
  names(): Promise<INames>;
  act(ids: readonly string[], action: IAction): Promise<void>;
  createProject(): Promise<void>;
}
