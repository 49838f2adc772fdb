/**
 * The rows of the table: groups, runs, and the children of those that are open.
 */
import { Listing } from './listing';
import { IGroup, IListedRun } from './shapes';

export interface IGroupRow {
  readonly kind: 'group';
  readonly key: string;
  readonly group: IGroup;
  readonly level: 1;
  readonly open: boolean;
}

export interface IRunRow {
  readonly kind: 'run';
  /** Undefined while it is on its way. */
  readonly run: IListedRun | undefined;
  readonly level: number;
  readonly open: boolean;
  /** The key of what it stands under; empty for the list itself. */
  readonly under: string;
}

export type Row = IGroupRow | IRunRow;

/** Children that are their own ancestors end here. */
const DEEPEST = 8;

/** Consecutive rows: some of one listing, or one group. */
interface ISegment {
  readonly start: number;
  readonly count: number;
  readonly level: number;
  readonly listing?: Listing;
  readonly under?: string;
  readonly from: number;
  readonly group?: IGroup;
}

/** What is open: a run's id, or a group's key, with the listing of what is under it. */
export type Opened = ReadonlyMap<string, Listing>;

/** The key of a group, told apart from ids. */
export function groupKey(group: IGroup): string {
  return group.key === null ? 'none' : `group:${group.key}`;
}

/** Whether a key is of a run: not of a group. */
export function isRunKey(key: string): boolean {
  return !key.startsWith('group:') && key !== 'none';
}

/** The key of a row; undefined while it is on its way. */
export function keyOf(row: Row | undefined): string | undefined {
  return row?.kind === 'group' ? row.key : row?.run?.id;
}

/** The table as one sequence of rows, of which each is found without making the others. */
export class Outline {
  constructor(
    /** What the list is of; another one for another question. */
    readonly root: Listing,
    groups: readonly IGroup[] | null,
    private readonly opened: Opened
  ) {
    if (groups === null) {
      this.addListing(root, 1, '');
      return;
    }
    for (const group of groups) {
      this.add({ start: this.count, count: 1, level: 1, from: 0, group });
      const listing = opened.get(groupKey(group));
      if (listing) {
        this.addListing(listing, 2, groupKey(group));
      }
    }
  }

  count = 0;

  /** The row at `index`; undefined where there is none. */
  row(index: number): Row | undefined {
    const segment = this.segmentAt(index);
    if (!segment) {
      return undefined;
    }
    const { group, listing, level, under = '' } = segment;
    if (group) {
      const key = groupKey(group);
      return { kind: 'group', key, group, level: 1, open: this.opened.has(key) };
    }
    if (!listing) {
      return undefined;
    }
    const run = listing.at(segment.from + index - segment.start);
    const open = run !== undefined && this.opened.has(run.id);
    return { kind: 'run', run, level, open, under };
  }

  /** The key of the row at `index`; undefined while it is on its way. */
  keyAt(index: number): string | undefined {
    return keyOf(this.row(index));
  }

  /** Where a run or a group stands; -1 where it is not held. */
  indexOf(key: string): number {
    for (const { group, listing, start } of this.segments) {
      if (group && groupKey(group) === key) {
        return start;
      }
      const at = listing ? this.rowOf(listing, listing.indexOf(key)) : -1;
      if (at >= 0) {
        return at;
      }
    }
    return -1;
  }

  /** The row of the place `at` of a listing; -1 where there is none. */
  rowOf(listing: Listing, at: number): number {
    const segment = this.segments.find(
      s => s.listing === listing && at >= s.from && at < s.from + s.count
    );
    return segment ? segment.start + at - segment.from : -1;
  }

  /** Which parts of which listings the rows `[first, end)` show. */
  parts(first: number, end: number): (readonly [Listing, number, number])[] {
    return this.segments
      .filter(s => s.listing && s.start < end && s.start + s.count > first)
      .map(s => {
        const from = Math.max(first, s.start) - s.start + s.from;
        const to = Math.min(end, s.start + s.count) - s.start + s.from;
        return [s.listing as Listing, from, to] as const;
      });
  }

  private addListing(listing: Listing, level: number, under: string): void {
    const total = listing.total ?? 0;
    const open = [...this.opened.keys()]
      .map(key => [listing.indexOf(key), key] as const)
      .filter(([at]) => at >= 0)
      .sort(([a], [b]) => a - b);
    let from = 0;
    for (const [at, key] of open) {
      this.add({ start: this.count, count: at + 1 - from, level, listing, under, from });
      from = at + 1;
      const children = this.opened.get(key);
      if (children && level < DEEPEST) {
        this.addListing(children, level + 1, key);
      }
    }
    this.add({ start: this.count, count: total - from, level, listing, under, from });
  }

  private add(segment: ISegment): void {
    if (segment.count > 0) {
      this.segments.push(segment);
      this.count += segment.count;
    }
  }

  private segmentAt(index: number): ISegment | undefined {
    return this.segments.find(s => index >= s.start && index < s.start + s.count);
  }

  private readonly segments: ISegment[] = [];
}
