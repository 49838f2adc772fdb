/**
 * The last runs of a notebook's cells, kept up to date while the notebook is
 * seen, and the badge below each cell that has one.
 */
import { Paced } from '../pace';
import { ICellRuns, ICellsApi } from './api';
import { ICell, INotebookPanel } from './lab';

const GAP_MS = 250;
/** Looking at the data may read it. */
const DATA_GAP_MS = 2000;

/** What a badge shows. */
export interface IBadge {
  showRuns(runs: ICellRuns): void;
  showData(changed: readonly string[]): void;
  dispose(): void;
  readonly isDisposed: boolean;
}

export interface IBadgesHost {
  readonly api: ICellsApi;
  /** The notebook's path in the project; null where there is none, or badges are switched off. */
  path(): string | null;
  make(cell: ICell): IBadge;
}

/** The badges of one notebook. */
export class Badges {
  constructor(
    private readonly panel: INotebookPanel,
    private readonly host: IBadgesHost
  ) {
    const { content } = panel;
    content.modelChanged.connect(() => this.onModel());
    this.onModel();
  }

  /** Runs changed, or may have. */
  noteChange(): void {
    this.stale = true;
    this.look();
  }

  /** Fetch what is stale, if the notebook is seen. */
  look(): void {
    if (this.stale && this.panel.isVisible) {
      this.pace.ask();
    }
  }

  dispose(): void {
    this.disposed = true;
    this.pace.dispose();
    this.dataPace.dispose();
    this.clear();
  }

  private onModel(): void {
    const { model } = this.panel.content;
    // the widgets of new cells come right after their models
    model?.cells.changed.connect(() => setTimeout(() => this.place(), 0), this);
    this.noteChange();
  }

  private async load(): Promise<void> {
    const path = this.host.path();
    if (path === null || this.disposed) {
      this.clear();
      return;
    }
    this.stale = false;
    try {
      const cells = await this.host.api.cells(path);
      this.runs = new Map(cells.map(cell => [cell.cell_id, cell]));
    } catch {
      // the panel tells what is wrong; badges are tried again with the next change
      this.stale = true;
      return;
    }
    this.place();
    if (this.runs.size > 0) {
      this.dataPace.ask();
    }
  }

  private async loadData(): Promise<void> {
    const path = this.host.path();
    if (path === null || this.disposed) {
      return;
    }
    try {
      this.changedData = await this.host.api.changedData(path);
    } catch {
      return;
    }
    this.badges.forEach((badge, cell) =>
      badge.showData(this.changedData[cell.model.id] ?? [])
    );
  }

  /** A badge below each cell that has runs, and no other. */
  private place(): void {
    if (this.disposed) {
      return;
    }
    for (const cell of this.panel.content.widgets) {
      const runs = this.runs.get(cell.model.id);
      const badge = this.badges.get(cell);
      if (!runs) {
        badge?.dispose();
        this.badges.delete(cell);
      } else if (badge && !badge.isDisposed) {
        badge.showRuns(runs);
      } else {
        this.add(cell, runs);
      }
    }
    for (const [cell] of this.badges) {
      if (cell.isDisposed) {
        this.badges.delete(cell);
      }
    }
  }

  private add(cell: ICell, runs: ICellRuns): void {
    const badge = this.host.make(cell);
    this.badges.set(cell, badge);
    badge.showRuns(runs);
    badge.showData(this.changedData[cell.model.id] ?? []);
  }

  private clear(): void {
    this.badges.forEach(badge => badge.dispose());
    this.badges.clear();
    this.runs = new Map();
  }

  private runs: ReadonlyMap<string, ICellRuns> = new Map();
  private changedData: Readonly<Record<string, readonly string[]>> = {};
  private stale = true;
  private disposed = false;
  private readonly badges = new Map<ICell, IBadge>();
  private readonly pace = new Paced(() => this.load(), GAP_MS);
  private readonly dataPace = new Paced(() => this.loadData(), DATA_GAP_MS);
}
