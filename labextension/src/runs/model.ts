/**
 * The list of runs: what is asked for, held and picked; no DOM, no HTTP of its own.
 */
import { ISignal, Signal } from '@lumino/signaling';

import { Paced, RETRY_MS } from '../pace';
import { queryOf } from '../query';
import { Shown } from '../shown';
import { Problem } from '../wire';
import { Listing, PAGE, Range } from './listing';
import { ILook, PLAIN } from './look';
import { Outline } from './outline';
import { IPicked, only } from './picked';
import { IRows, Picking } from './picking';
import { rootOf, under } from './selecting';
import {
  IAction,
  IBrowsingApi,
  IGroup,
  IListedRun,
  INames,
  IRunPage,
  ISelection,
  MOST_IDS
} from './shapes';

/** What is wrong with a query, and from which character on. */
export interface IQueryProblem {
  readonly message: string;
  readonly at: number | null;
}

export type RunsState =
  | { readonly kind: 'loading' }
  | {
      readonly kind: 'ready';
      /** How many runs there are in all; the list holds a part. */
      readonly total: number;
      /** Shown beside the query; the list stays as it was. */
      readonly queryProblem: IQueryProblem | null;
    }
  | { readonly kind: 'no-project'; readonly message: string }
  | { readonly kind: 'no-server' }
  | { readonly kind: 'old-server' }
  | { readonly kind: 'failed'; readonly message: string };

const GAP_MS = 100;
/** Names are seldom new. */
const NAMES_GAP_MS = 5000;
const AROUND = 50;
/** What is in view before anything is. */
const BEGINNING: Range = [0, PAGE - AROUND];
/** So many runs are answered at most. */
const MOST_ASKED = 1000;
const OLD = 'old';
const NO_NAMES: INames = {
  fields: [],
  params: [],
  metrics: [],
  tags: [],
  kinds: [],
  statuses: []
};

export class RunsModel extends Shown implements IRows {
  constructor(private readonly api: IBrowsingApi) {
    super();
    this.root = new Listing(this.all);
    this.outline = new Outline(this.root, null, this.opened);
    this.picking = new Picking(api, this, () => this.emit());
  }

  /** Emitted when the reader changed the look, for it to be remembered. */
  get lookChanged(): ISignal<this, ILook> {
    return this._lookChanged;
  }

  state: RunsState = { kind: 'loading' };
  /** The rows of the table. */
  outline: Outline;
  names: INames = NO_NAMES;
  look: ILook = PLAIN;
  query = '';
  /** The trash is shown in place of the runs. */
  trash = false;
  /** Which rows are picked. */
  readonly picking: Picking;
  /** What is written in place, and on which run. */
  editing: { readonly id: string; readonly what: 'tags' | 'note' } | null = null;

  /** The query of what is shown, as the ledger reads it. */
  get asked(): string {
    return queryOf(this.query);
  }

  /** A request is under way. */
  get busy(): boolean {
    return this.pending > 0;
  }

  get picked(): IPicked {
    return this.picking.picked;
  }

  /** The id of the run that the keyboard and the commands act on. */
  get selected(): string | null {
    return this.picking.selected;
  }

  set selected(id: string | null) {
    if (id === null) {
      this.picking.clear();
    } else if (id !== this.selected) {
      this.picking.picked = only(id);
    }
  }

  /** Which runs the list begins with. */
  get all(): ISelection {
    return rootOf(this);
  }

  /** Something changed at the server, or may have. */
  noteChange(): void {
    this.stale = true;
    this.pace.ask();
  }

  /** Fetch what is in view anew. */
  refresh(): Promise<void> {
    return this.reload();
  }

  /** Show what matches `query`. */
  search(query: string): Promise<void> {
    const text = query.trim();
    if (text === this.query) {
      return Promise.resolve();
    }
    this.query = text;
    return this.restart();
  }

  /** Show the trash, or the runs. */
  showTrash(trash: boolean): Promise<void> {
    this.trash = trash;
    this.picking.clear();
    return this.restart();
  }

  /** Change how the list looks, and remember it. */
  setLook(change: Partial<ILook>): Promise<void> {
    this.takeLook({ ...this.look, ...change });
    this._lookChanged.emit(this.look);
    return this.settled;
  }

  /** Look as was remembered. */
  takeLook(look: ILook): void {
    const before = this.look;
    this.look = look;
    if (look.by !== before.by) {
      this.settled = this.restart();
    } else if (look.sort !== before.sort) {
      this.settled = this.restart([...this.opened.keys()]);
    } else if (look.spark !== before.spark) {
      this.settled = this.reload();
    }
    this.emit();
  }

  /** Have the rows `[first, end)` filled. */
  want(first: number, end: number): void {
    this.inView = [first, end];
    if (this.state.kind !== 'ready' || this.busy) {
      return;
    }
    for (const [listing, from, to] of this.outline.parts(first - 20, end + 20)) {
      const missing = listing.missing([from, to]);
      if (missing) {
        void this.fill(listing, missing, false).then(() => this.want(...this.inView));
        return;
      }
    }
  }

  /** Open or close a group, or the children of a run. */
  async setOpen(key: string, open: boolean): Promise<void> {
    if (open === this.opened.has(key)) {
      return;
    }
    if (!open) {
      this.opened.delete(key);
      this.arrange();
      return;
    }
    const listing = new Listing(under(key, this, this.groups));
    await this.fill(listing, [0, PAGE], true);
    this.opened.set(key, listing);
    this.arrange();
  }

  /** The run of this id, if the list holds it. */
  find(id: string): IListedRun | undefined {
    const row = this.outline.row(this.outline.indexOf(id));
    return row?.kind === 'run' ? row.run : undefined;
  }

  /** Have the row at `index` filled. */
  async ensure(index: number): Promise<void> {
    for (const [listing, from, to] of this.outline.parts(index, index + 1)) {
      const missing = listing.missing([from, to]);
      if (missing) {
        await this.fill(listing, missing, false);
      }
    }
  }

  /** Write in place on a run; null ends it. */
  edit(id: string | null, what: 'tags' | 'note' = 'tags'): void {
    this.editing = id === null ? null : { id, what };
    this.emit();
  }

  /** Do something to runs, and show it at once. */
  async act(ids: readonly string[], action: IAction): Promise<void> {
    for (let at = 0; at < ids.length; at += MOST_IDS) {
      await this.api.act(ids.slice(at, at + MOST_IDS), action);
    }
    if (action.trashed !== undefined) {
      this.picking.drop(ids);
    }
    await this.reload();
  }

  async createProject(): Promise<void> {
    await this.api.createProject();
    await this.restart();
  }

  dispose(): void {
    super.dispose();
    this.generation++;
    this.pace.dispose();
    this.learning.dispose();
    clearTimeout(this.retry);
  }

  protected attend(): void {
    if (this.visible) {
      this.noteChange();
    }
  }

  /** Begin a new list, with these open; the old one stays in view until the first answer. */
  private async restart(open: readonly string[] = []): Promise<void> {
    this.generation++;
    this.root = new Listing(this.all);
    this.inView = BEGINNING;
    const listing = (key: string) => new Listing(under(key, this, this.groups));
    await this.reload(new Map(open.map(key => [key, listing(key)])));
  }

  /** Fetch what is in view, and the names, anew. */
  private async reload(anew?: Map<string, Listing>): Promise<void> {
    this.stale = false;
    const first = this.state.kind !== 'ready';
    const { by } = this.look;
    const generation = this.generation;
    const opened = anew ?? this.opened;
    await this.request(async () => {
      const { root } = this;
      const groups = by ? await this.api.groups(by, this.asked, this.trash) : null;
      const parts = await Promise.all(
        [root, ...opened.values()].map(listing => this.partInView(listing))
      );
      // an answer to an older question comes too late
      if (generation !== this.generation) {
        return;
      }
      // all at once, so that nothing is drawn between the two
      parts.forEach(([listing, first, page]) => listing.take(page, first, true));
      this.opened = opened;
      this.groups = groups;
      this.state = { kind: 'ready', total: root.total ?? 0, queryProblem: null };
      this.arrange();
    });
    if (this.state.kind === 'ready' && (first || !anew)) {
      this.learning.ask();
    }
  }

  /** What is in view of a listing, or its beginning. */
  private async partInView(
    listing: Listing
  ): Promise<readonly [Listing, number, IRunPage]> {
    const shown = this.outline.parts(...this.inView).find(([each]) => each === listing);
    const [, from, to] = shown ?? [listing, ...BEGINNING];
    const first = Math.max(0, from - AROUND);
    const end = Math.max(first + PAGE, to + AROUND);
    return [listing, first, await this.ask(listing, [first, end])];
  }

  private async ask(listing: Listing, [first, end]: Range): Promise<IRunPage> {
    const limit = Math.min(MOST_ASKED, end - first);
    const page = await this.api.page(listing.which, first, limit, this.look.spark);
    if (page.offset === undefined) {
      throw new Problem('no-server', OLD);
    }
    return page;
  }

  private fill(listing: Listing, range: Range, fresh: boolean): Promise<void> {
    return this.request(async () => {
      listing.take(await this.ask(listing, range), range[0], fresh);
      this.arrange();
    });
  }

  private async learnNames(): Promise<void> {
    if (!this.visible) {
      return;
    }
    try {
      this.names = await this.api.names();
      this.emit();
    } catch {
      // the list is there; completion waits for the next time
    }
  }

  private async request(work: () => Promise<void>): Promise<void> {
    const { generation } = this;
    this.pending++;
    this.emit();
    try {
      await work();
    } catch (caught) {
      if (generation === this.generation) {
        this.fail(Problem.of(caught));
      }
    } finally {
      this.pending--;
      this.emit();
    }
  }

  private fail(problem: Problem): void {
    if (problem.kind === 'bad-request' && this.query) {
      const total = this.state.kind === 'ready' ? this.state.total : 0;
      const { message, at } = problem;
      this.state = { kind: 'ready', total, queryProblem: { message, at } };
    } else if (problem.kind === 'no-project') {
      this.state = { kind: 'no-project', message: problem.message };
    } else if (problem.kind === 'no-server') {
      this.state = { kind: problem.message === OLD ? 'old-server' : 'no-server' };
    } else {
      this.state = { kind: 'failed', message: problem.message };
      clearTimeout(this.retry);
      this.retry = setTimeout(() => this.noteChange(), RETRY_MS);
    }
  }

  private arrange(): void {
    this.outline = new Outline(this.root, this.groups, this.opened);
    this.emit();
  }

  private async catchUp(): Promise<void> {
    if (this.visible && this.stale) {
      await this.reload();
    }
  }

  private root: Listing;
  private groups: readonly IGroup[] | null = null;
  private opened = new Map<string, Listing>();
  private inView: Range = BEGINNING;
  private settled: Promise<void> = Promise.resolve();
  private stale = true;
  private pending = 0;
  private generation = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly _lookChanged = new Signal<this, ILook>(this);
  private readonly pace = new Paced(() => this.catchUp(), GAP_MS);
  private readonly learning = new Paced(() => this.learnNames(), NAMES_GAP_MS);
}
