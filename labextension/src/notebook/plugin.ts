/**
 * The plugin of notebooks: magics from the start, buttons, and the last run below each cell.
 */
import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs as RunCommands } from '../commands';
import { onChange } from '../live';
import { ISpeech, speechOf } from '../locale';
import { restricted } from '../outputs';
import { CellsApi } from './api';
import { CellBadge, IBadgeHost } from './Badge';
import { Badges } from './badges';
import {
  addButtons,
  addCommands,
  addToPalette,
  CommandIDs,
  INotebookContext
} from './commands';
import { ICell, isNotebook } from './lab';
import { IOpenNotebook, Notebooks } from './notebooks';

const ID = 'jupyter-mlx:notebook';

export const notebooks: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Runs in notebooks: magics from the start, buttons, badges on cells.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [ICommandPalette, ITranslator, ISettingRegistry, IEditorLanguageRegistry],
  activate
};

function activate(
  app: JupyterFrontEnd,
  rendermime: IRenderMimeRegistry,
  palette: ICommandPalette | null,
  translator: ITranslator | null,
  registry: ISettingRegistry | null,
  languages: IEditorLanguageRegistry | null
): void {
  const speech = speechOf(translator ?? nullTranslator);
  const api = new CellsApi(app.serviceManager.serverSettings);
  const all = new Notebooks(app, api, onceFor(speech));
  const context: INotebookContext = { app, api, notebooks: all, speech };
  addCommands(context);
  if (palette) {
    addToPalette(palette, speech);
  }
  all.changed.connect(() => {
    app.commands.notifyCommandChanged(CommandIDs.track);
    app.commands.notifyCommandChanged(CommandIDs.snapshot);
  });
  const badges = new AllBadges(context, restricted(rendermime), languages);
  app.docRegistry.addWidgetExtension('Notebook', {
    createNew: panel => {
      if (isNotebook(panel)) {
        const opened = all.add(panel);
        addButtons(context, opened);
        badges.add(opened);
      }
    }
  });
  void all.locate();
  app.shell.currentChanged?.connect(() => badges.look());
  all.changed.connect(() => badges.look());
  onChange(app, change => {
    badges.noteChange();
    // a project that came or went tells no run
    if (change.runs.length === 0) {
      void all.locate();
    }
  });
  void registry?.load(ID).then(settings => {
    const read = () => {
      const { loadMagics, showBadges } = settings.composite;
      all.settings = {
        loadMagics: loadMagics !== false,
        showBadges: showBadges !== false
      };
    };
    settings.changed.connect(read);
    read();
  });
}

/** Tells of a kernel without jupyter_mlx: each once in this window, and it goes by itself. */
function onceFor({ trans }: ISpeech): (kernel: string) => void {
  const told = new Set<string>();
  return kernel => {
    if (!told.has(kernel)) {
      told.add(kernel);
      Notification.info(
        trans.__(
          'The kernel %1 has no jupyter_mlx, so its cells cannot be tracked. In its environment: pip install jupyter-mlx',
          kernel
        ),
        { autoClose: 8000 }
      );
    }
  };
}

/** The badges of all open notebooks. */
class AllBadges {
  constructor(
    private readonly context: INotebookContext,
    private readonly rendermime: IRenderMimeRegistry,
    private readonly languages: IEditorLanguageRegistry | null
  ) {}

  add({ panel }: IOpenNotebook): void {
    const { api, notebooks } = this.context;
    const path = () => (notebooks.settings.showBadges ? notebooks.pathOf(panel) : null);
    const badges = new Badges(panel, {
      api,
      path,
      make: cell => new CellBadge(cell, this.hostOf(cell, path))
    });
    this.open.add(badges);
    void panel.context.ready.then(() => badges.noteChange());
    panel.disposed.connect(() => {
      this.open.delete(badges);
      badges.dispose();
    });
  }

  /** Runs changed, or may have. */
  noteChange(): void {
    this.open.forEach(badges => badges.noteChange());
  }

  /** Another notebook may have come into view. */
  look(): void {
    this.open.forEach(badges => badges.look());
  }

  private hostOf(cell: ICell, path: () => string | null): IBadgeHost {
    const { app, api, speech } = this.context;
    return {
      speech,
      rendermime: this.rendermime,
      languages: this.languages,
      openRun: id => void app.commands.execute(RunCommands.openRun, { id }),
      history: () => api.history(path() ?? '', cell.model.id),
      outputs: run => api.outputs(run)
    };
  }

  private readonly open = new Set<Badges>();
}
