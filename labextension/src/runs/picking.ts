/**
 * Picking rows of the list, also of those that are not held.
 */
import { Listing } from './listing';
import { isRunKey, Outline } from './outline';
import { IPicked, NOTHING, only, ranged, toggled, without } from './picked';
import { IBrowsingApi, ISelection, MOST_IDS } from './shapes';

/** The rows that can be picked. */
export interface IRows {
  readonly outline: Outline;
  /** All runs, whether a row shows them or not. */
  readonly all: ISelection;
  /** Have the row at `index` filled. */
  ensure(index: number): Promise<void>;
}

export class Picking {
  constructor(
    private readonly api: IBrowsingApi,
    private readonly rows: IRows,
    private readonly changed: () => void
  ) {}

  get picked(): IPicked {
    return this._picked;
  }

  set picked(picked: IPicked) {
    this._picked = picked;
    this.changed();
  }

  /** The id of the run that the keyboard and the commands act on. */
  get selected(): string | null {
    const { active } = this._picked;
    return active !== null && isRunKey(active) ? active : null;
  }

  /** Where the active row stands, or last stood; -1 where there is none. */
  get at(): number {
    const { active } = this._picked;
    if (active === null) {
      return -1;
    }
    const { outline } = this.rows;
    const now = outline.indexOf(active);
    this.last = now >= 0 ? now : Math.min(this.last, outline.count - 1);
    return this.last;
  }

  /** Pick a row as the mouse does: alone, beside others, or from the anchor on. */
  async row(key: string, how: 'only' | 'toggle' | 'range'): Promise<void> {
    const { anchor } = this._picked;
    if (how === 'toggle' && isRunKey(key)) {
      this.picked = toggled(this._picked, key);
    } else if (how === 'range' && anchor !== null) {
      const ends = [await this.placeOf(anchor), await this.placeOf(key)];
      this.picked = ends.includes(-1)
        ? only(key, isRunKey(key))
        : ranged(
            this._picked,
            await this.idsOf(Math.min(...ends), Math.max(...ends) + 1),
            key
          );
    } else {
      this.picked = only(key, isRunKey(key));
    }
  }

  /** Go to the row at `index`, or the nearest there is; it is fetched where it is not held. */
  async reach(index: number, how: 'only' | 'range'): Promise<void> {
    const at = Math.max(0, Math.min(this.rows.outline.count - 1, index));
    await this.rows.ensure(at);
    const key = this.rows.outline.keyAt(at);
    if (key !== undefined) {
      await this.row(key, how);
    }
  }

  /** Pick all that there are. */
  async all(): Promise<void> {
    const ids: string[] = [];
    for (let total = 1; ids.length < total;) {
      const part = await this.api.ids(this.rows.all, ids.length, MOST_IDS);
      total = part.ids.length === 0 ? 0 : part.total;
      ids.push(...part.ids);
    }
    this.picked = { ...this._picked, ids: new Set(ids) };
  }

  /** Some runs are not in the list any more. */
  drop(gone: readonly string[]): void {
    this._picked = without(this._picked, gone);
  }

  clear(): void {
    this.picked = NOTHING;
  }

  /** Where a row stands; one that is not held is looked for; -1 where it is gone. */
  private async placeOf(key: string): Promise<number> {
    const { outline } = this.rows;
    const held = outline.indexOf(key);
    if (held >= 0 || !isRunKey(key)) {
      return held;
    }
    const listings = new Set(outline.parts(0, outline.count).map(([each]) => each));
    for (const listing of listings) {
      for (let from = 0; from < (listing.total ?? 0); from += MOST_IDS) {
        const { ids } = await this.api.ids(listing.which, from, MOST_IDS);
        const at = ids.indexOf(key);
        if (at >= 0) {
          return outline.rowOf(listing, from + at);
        }
      }
    }
    return -1;
  }

  private async idsOf(first: number, end: number): Promise<string[]> {
    const found: string[] = [];
    for (const [listing, from, to] of this.rows.outline.parts(first, end)) {
      found.push(...(await this.between(listing, from, to)));
    }
    return found;
  }

  private async between(listing: Listing, from: number, to: number): Promise<string[]> {
    const found: string[] = [];
    if (listing.missing([from, to]) === null) {
      for (let at = from; at < to; at++) {
        found.push(listing.at(at)?.id ?? '');
      }
      return found;
    }
    for (let at = from; at < to; at += MOST_IDS) {
      const limit = Math.min(to - at, MOST_IDS);
      found.push(...(await this.api.ids(listing.which, at, limit)).ids);
    }
    return found;
  }

  private _picked: IPicked = NOTHING;
  private last = -1;
}
