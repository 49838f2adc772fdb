/**
 * What the server says: the shapes of openapi.yaml, and the errors a view can show.
 */

export type Status = 'running' | 'finished' | 'failed' | 'interrupted';

/** A number; the names are of those that JSON cannot say. */
export type WireNumber = number | 'NaN' | 'Infinity' | '-Infinity';

/** A run as a list shows it. */
export interface IRun {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly status: Status;
  /** ISO 8601, UTC. */
  readonly started_at: string;
  readonly duration_s: number | null;
  readonly params: Readonly<Record<string, unknown>>;
  readonly metrics: Readonly<Record<string, WireNumber>>;
  readonly tags: readonly string[];
  readonly notebook: string | null;
  readonly parent: string | null;
  readonly starred: boolean;
  readonly note: string;
}

/** A file or folder that a run read or wrote. */
export interface IFileVersion {
  readonly path: string;
  readonly digest: string;
  readonly size_bytes: number;
  readonly how: 'declared' | 'seen' | 'weak';
  readonly kind?: 'file' | 'folder' | 'outside';
}

/** `[step, value, seconds since the start]` */
export type Point = readonly [number, WireNumber, number];

/** A run, whole but for its outputs. */
export interface IRunDetail extends IRun {
  readonly source: string;
  readonly inputs: readonly IFileVersion[];
  readonly outputs: readonly IFileVersion[];
  readonly environment: Readonly<Record<string, unknown>>;
  readonly git: Readonly<Record<string, unknown>>;
  readonly error: {
    readonly ename: string;
    readonly evalue: string;
    readonly traceback: readonly string[];
  } | null;
  readonly cell_id: string | null;
  readonly series: Readonly<Record<string, readonly Point[]>>;
  // what follows an older server does not say
  readonly slice?: readonly string[];
  readonly slice_notes?: readonly string[];
  readonly guessed?: readonly string[];
  readonly seeds?: Readonly<Record<string, unknown>>;
  readonly resources?: Readonly<Record<string, unknown>>;
  readonly incomplete?: readonly string[];
  readonly problems?: readonly string[];
  readonly points?: Readonly<Record<string, number>>;
}

/** Where the server's folder lies in the project. */
export interface IPlace {
  readonly project: string;
  /** The server's root folder, relative to the project; empty where they are one. */
  readonly prefix: string;
}

/** How far a server is; larger or other numbers than before mean changes. */
export interface IStanding {
  readonly seq: number;
  readonly project: string;
  /** How many of its jobs began or ended; an older server does not say. */
  readonly jobs?: number;
}

/** What of a run can be changed by hand. */
export interface IEdit {
  readonly tags?: readonly string[];
  readonly note?: string;
  readonly starred?: boolean;
}

/** The data of an event: which runs changed; none named means too many to name. */
export interface IChange {
  readonly seq: number;
  readonly runs: readonly string[];
}

export const SCHEMA_ID = 'https://events.jupyter.org/jupyter_mlx/runs_changed/v1';

/** What the models ask of a server. */
export interface IRunsApi {
  place(): Promise<IPlace>;
  run(id: string): Promise<IRunDetail>;
  outputs(id: string): Promise<readonly object[]>;
  edit(id: string, edit: IEdit): Promise<IRunDetail>;
  trash(id: string): Promise<void>;
}

export type ProblemKind =
  'no-project' | 'no-server' | 'no-run' | 'bad-request' | 'offline' | 'failed';

/** Why a request came to nothing, by what a view does next. */
export class Problem extends Error {
  constructor(
    readonly kind: ProblemKind,
    message: string,
    /** Of a query: the character where it cannot be read on. */
    readonly at: number | null = null
  ) {
    super(message);
    this.name = 'Problem';
  }

  /** Any caught value as a problem. */
  static of(caught: unknown): Problem {
    return caught instanceof Problem ? caught : new Problem('failed', String(caught));
  }

  /**
   * What an answer of the server that is not a success means.
   *
   * A 404 without our own error in it comes from a server that does not know
   * the route: the server extension is not there, or not enabled.
   */
  static answer(status: number, body: string): Problem {
    const { code, message, at } = ourError(body);
    if (code === null) {
      return status === 404
        ? new Problem('no-server', '')
        : new Problem('failed', `HTTP ${status}`);
    }
    if (code === 'no-project') {
      return new Problem('no-project', message);
    }
    if (status === 404) {
      return new Problem('no-run', message);
    }
    return new Problem(status === 400 ? 'bad-request' : 'failed', message, at);
  }
}

/** A wire number as a number. */
export function toNumber(value: WireNumber): number {
  return typeof value === 'number' ? value : Number(value);
}

/** The path of a project's file for the server; null where it is outside the server's folder. */
export function serverPath(path: string, place: IPlace): string | null {
  if (!place.prefix) {
    return path;
  }
  return path.startsWith(`${place.prefix}/`) ? path.slice(place.prefix.length + 1) : null;
}

/** The path in the project of a file of the server's folder: what `serverPath` undoes. */
export function projectPath(path: string, place: IPlace): string {
  return place.prefix ? `${place.prefix}/${path}` : path;
}

function ourError(body: string): {
  code: string | null;
  message: string;
  at: number | null;
} {
  try {
    const { error } = JSON.parse(body) as {
      error?: { code?: unknown; message?: unknown; at?: unknown };
    };
    if (typeof error?.code === 'string') {
      return {
        code: error.code,
        message: typeof error.message === 'string' ? error.message : '',
        at: typeof error.at === 'number' ? error.at : null
      };
    }
  } catch {
    // not JSON: not ours
  }
  return { code: null, message: '', at: null };
}
