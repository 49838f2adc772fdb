/**
 * A long list of which only the part that is looked at is held.
 */
import { IListedRun, IRunPage, ISelection } from './shapes';

/** So many runs are asked for at a time. */
export const PAGE = 100;
/** So many are held; of more, those far from the view are let go. */
const MOST_HELD = 4000;

/** The half-open range `[first, end)`. */
export type Range = readonly [number, number];

/** The runs of one selection, by their places in its order. */
export class Listing {
  constructor(readonly which: ISelection) {}

  /** How many there are; null before the first answer. */
  total: number | null = null;

  at(index: number): IListedRun | undefined {
    return this.runs.get(index);
  }

  /** Where a run that is held stands; -1 for another one. */
  indexOf(id: string): number {
    return this.places.get(id) ?? -1;
  }

  /** What is to be asked for to fill `range`, in whole pages; null where nothing is missing. */
  missing([from, end]: Range): Range | null {
    const last = Math.min(end, this.total ?? PAGE);
    for (let at = Math.max(0, from); at < last; at++) {
      if (!this.runs.has(at)) {
        const first = at - (at % PAGE);
        return [first, Math.min(first + 2 * PAGE, Math.ceil(last / PAGE) * PAGE)];
      }
    }
    return null;
  }

  /** Take a page in; `fresh` forgets all others, since places may have moved. */
  take(page: IRunPage, offset: number, fresh: boolean): void {
    const before = new Map(page.runs.map(run => [run.id, this.at(this.indexOf(run.id))]));
    if (fresh || page.total !== this.total) {
      this.runs.clear();
      this.places.clear();
    }
    this.total = page.total;
    page.runs.forEach((run, i) =>
      this.set(offset + i, unchanged(before.get(run.id), run))
    );
    if (this.runs.size > MOST_HELD) {
      for (const [at, run] of this.runs) {
        if (at < offset - MOST_HELD / 4 || at > offset + MOST_HELD / 4) {
          this.runs.delete(at);
          this.places.delete(run.id);
        }
      }
    }
  }

  private set(at: number, run: IListedRun): void {
    const before = this.runs.get(at);
    if (before && this.places.get(before.id) === at) {
      this.places.delete(before.id);
    }
    this.runs.set(at, run);
    this.places.set(run.id, at);
  }

  private readonly runs = new Map<number, IListedRun>();
  private readonly places = new Map<string, number>();
}

/** The run as it is held where it is as it was, so that its row is not drawn again. */
function unchanged(before: IListedRun | undefined, now: IListedRun): IListedRun {
  return before && JSON.stringify(before) === JSON.stringify(now) ? before : now;
}
