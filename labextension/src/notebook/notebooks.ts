/**
 * The open notebooks, and what each of them has of ours.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { Kernel, KernelSpec } from '@jupyterlab/services';
import type { ISessionContext } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { ISignal, Signal } from '@lumino/signaling';

import { tellNotebook } from '../identity';
import { IPlace, projectPath } from '../wire';
import { ICellsApi } from './api';
import { INotebookPanel } from './lab';
import { Magics } from './magics';

/** What a person can switch. */
export interface INotebookSettings {
  readonly loadMagics: boolean;
  readonly showBadges: boolean;
}

/** One open notebook. */
export interface IOpenNotebook {
  readonly panel: INotebookPanel;
  readonly magics: Magics;
}

/** All of them, in one browser window. */
export class Notebooks {
  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly api: ICellsApi,
    private readonly onMissing: (kernel: string) => void
  ) {}

  settings: INotebookSettings = { loadMagics: true, showBadges: true };

  /** Emitted when a notebook's tracking changed, or the project came or went. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Where the server's folder lies in the project; null without a project. */
  get place(): IPlace | null {
    return this._place;
  }

  /** Ask whether there is a project. */
  async locate(): Promise<void> {
    let place: IPlace | null = null;
    try {
      place = await this.api.place();
    } catch {
      // no project, or no server that knows of one: the panel says so
    }
    const isOther = JSON.stringify(place) !== JSON.stringify(this._place);
    this._place = place;
    if (isOther) {
      this._open.forEach(({ magics }) => magics.before());
      this._changed.emit();
    }
  }

  /** A notebook was opened. */
  add(panel: INotebookPanel): IOpenNotebook {
    const { context } = panel;
    const { sessionContext } = context;
    const magics = new Magics({
      wanted: () =>
        this.settings.loadMagics && this._place !== null && isPython(sessionContext),
      onMissing: () => this.onMissing(sessionContext.kernelDisplayName)
    });
    const root = PageConfig.getOption('jupyterMlxRoot');
    const codeCells = () =>
      panel.content.widgets
        .filter(cell => cell.model.type === 'code')
        .map(cell => cell.model.id);
    tellNotebook(context, this.app.serviceManager.contents, root, codeCells, {
      before: () => magics.before(),
      sent: code => magics.sent(code)
    });
    const onKernel = (kernel: Kernel.IKernelConnection | null) => magics.connect(kernel);
    sessionContext.kernelChanged.connect((_, change) => onKernel(change.newValue));
    sessionContext.statusChanged.connect((_, status) => {
      if (status === 'restarting' || status === 'autorestarting') {
        magics.restarted();
      } else if (status === 'idle' || status === 'starting') {
        magics.before();
      }
    });
    const opened = { panel, magics };
    this._open.set(panel.id, opened);
    magics.changed.connect(() => this._changed.emit());
    panel.disposed.connect(() => {
      this._open.delete(panel.id);
      magics.dispose();
    });
    onKernel(sessionContext.session?.kernel ?? null);
    return opened;
  }

  /** The notebook of a panel's id; without one, the notebook in front. */
  find(id: unknown): IOpenNotebook | null {
    const wanted = typeof id === 'string' && id ? id : this.app.shell.currentWidget?.id;
    return this._open.get(wanted ?? '') ?? null;
  }

  /** A notebook's path in the project; null where it lies in none. */
  pathOf(panel: INotebookPanel): string | null {
    const { contents } = this.app.serviceManager;
    const path = contents.localPath(panel.context.path);
    return this._place === null ? null : projectPath(path, this._place);
  }

  /** The open notebook at a path of the project. */
  at(path: string): IOpenNotebook | null {
    return [...this._open.values()].find(one => this.pathOf(one.panel) === path) ?? null;
  }

  private _place: IPlace | null = null;
  private readonly _open = new Map<string, IOpenNotebook>();
  private readonly _changed = new Signal<this, void>(this);
}

/** Whether a session's kernel is one of Python, as far as its specification tells. */
function isPython(session: ISessionContext): boolean {
  const name = session.session?.kernel?.name ?? '';
  const specs: Record<string, KernelSpec.ISpecModel | undefined> | undefined =
    session.specsManager.specs?.kernelspecs;
  return specs?.[name]?.language.toLowerCase() === 'python';
}
