/**
 * What the routes of a comparison say: see openapi.yaml.
 */
import { IRun, Point } from '../wire';

/** One difference of two runs; null where a run has it not. */
export interface IFinding {
  readonly kind: string;
  readonly name: string;
  readonly a: unknown;
  readonly b: unknown;
  readonly rank: string;
  readonly note: string;
  readonly delta: number | null;
  readonly percent: number | null;
}

/** What differs inside data that both runs read. */
export interface IDetail {
  readonly path: string;
  readonly lines: readonly string[];
}

/** A cell of a notebook that is not the same in both. */
export interface ICellChange {
  /** `outputs`: only what is shown below it. */
  readonly what: 'added' | 'removed' | 'changed' | 'moved' | 'outputs';
  readonly type: string;
  /** Its place in each notebook, from 1; null where it is not there. */
  readonly a: number | null;
  readonly b: number | null;
}

export interface IComparison {
  readonly ranked: readonly IFinding[];
  readonly same: Readonly<Record<string, number>>;
  readonly data: readonly IDetail[];
  /** Of notebooks that were kept. */
  readonly cells: readonly ICellChange[];
  readonly text: readonly string[];
}

/** What is not the same in all runs: a value a run. */
export interface ISides {
  readonly name: string;
  readonly values: readonly unknown[];
}

export interface IBeside {
  readonly runs: readonly (IRun & { readonly guessed: readonly string[] })[];
  readonly packages: readonly ISides[];
  readonly inputs: readonly ISides[];
  readonly seeds: readonly ISides[];
}

export interface ICurves {
  readonly curves: readonly {
    readonly id: string;
    readonly count: number;
    readonly points: readonly Point[];
  }[];
}

/** Params and metrics of many runs, a list each. */
export interface IColumns {
  readonly total: number;
  readonly ids: readonly string[];
  readonly names: readonly string[];
  readonly statuses: readonly string[];
  readonly columns: Readonly<Record<string, readonly unknown[]>>;
  /** The columns that there are. */
  readonly known: readonly string[];
}
