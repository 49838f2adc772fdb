/**
 * What the routes of one run's page say: see openapi.yaml.
 */
import { IRun, Point } from '../wire';

/** Where a file came from. */
export interface IOrigin {
  readonly path: string;
  readonly digest: string;
  readonly runs: readonly IMaker[];
}

/** A run that made a file, and where its own inputs came from. */
export interface IMaker {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly inputs: readonly IOrigin[];
  /** It stands in the graph already. */
  readonly repeated: boolean;
}

export interface ILineage {
  readonly id: string;
  readonly origins: readonly IOrigin[];
  readonly readers: readonly {
    readonly path: string;
    readonly digest: string;
    readonly runs: readonly IRun[];
  }[];
}

export type Verdict = 'same' | 'within-tolerance' | 'different' | 'failed';

/** One thing that was compared. */
export interface ICheck {
  readonly name: string;
  readonly state: 'same' | 'close' | 'different' | 'missing' | 'new' | 'not-compared';
  readonly was: unknown;
  readonly now: unknown;
  readonly detail: string;
}

/** A verdict and its grounds. */
export interface IReproduction {
  readonly verdict: Verdict;
  readonly problem?: string;
  readonly metrics?: readonly ICheck[];
  readonly outputs?: readonly ICheck[];
  readonly files?: readonly ICheck[];
  readonly notes?: readonly string[];
}

export interface IReproductions {
  readonly running: boolean;
  readonly said: readonly string[];
  readonly problem: string;
  readonly found: readonly {
    readonly id: string;
    readonly status: string;
    readonly started_at: string;
    readonly facts: IReproduction | null;
  }[];
}

export interface IRestored {
  readonly folder: string;
  readonly made: readonly string[];
  readonly left: readonly string[];
}

/** A cell of a notebook, without its outputs. */
export interface ICellSource {
  readonly cell_type: string;
  readonly source: string;
}

/** All code of a run; `cells` is null where it kept no notebook. */
export interface ICode {
  readonly text: string;
  readonly cells: readonly ICellSource[] | null;
}

export interface ICurve {
  readonly count: number;
  readonly points: readonly Point[];
}

export interface IFigure {
  readonly name: string;
  /** A `data:` address; null where the picture is not here. */
  readonly address: string | null;
}
