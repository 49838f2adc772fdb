/**
 * The plugin of the pipeline: its tab, its commands.
 */
import {
  ILabShell,
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification, WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import {
  CommandToolbarButton,
  refreshIcon,
  runIcon,
  stopIcon
} from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs as RunCommands, reported } from '../commands';
import { pipelineIcon } from '../icons';
import { onJob } from '../jobs';
import { onChange } from '../live';
import { ISpeech, speechOf } from '../locale';
import { CommandIDs as NotebookCommands } from '../notebook/commands';
import { PageCommandIDs } from '../run/commands';
import { ListCommands } from '../runs/commands';
import { serverPath } from '../wire';
import { IStage, IStart, PipelineApi } from './api';
import { PipelineModel } from './model';
import { IPipelineHost } from './PipelineView';
import { PipelineTab } from './tab';
import { failedCell } from './words';

export namespace CommandIDs {
  export const show = 'jupyter-mlx:show-pipeline';
  export const run = 'jupyter-mlx:run-pipeline';
  export const stop = 'jupyter-mlx:stop-pipeline';
  export const refresh = 'jupyter-mlx:refresh-pipeline';
  export const configure = 'jupyter-mlx:open-configuration';
}

export const pipeline: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-mlx:pipeline',
  description: 'The pipeline of the project: its graph, run and followed from here.',
  autoStart: true,
  optional: [ILabShell, ICommandPalette, ILayoutRestorer, ITranslator],
  activate
};

type Args = ReadonlyPartialJSONObject;

interface IContext {
  readonly app: JupyterFrontEnd;
  readonly api: PipelineApi;
  readonly model: PipelineModel;
  readonly speech: ISpeech;
}

function activate(
  app: JupyterFrontEnd,
  labShell: ILabShell | null,
  palette: ICommandPalette | null,
  restorer: ILayoutRestorer | null,
  translator: ITranslator | null
): void {
  const speech = speechOf(translator ?? nullTranslator);
  const api = new PipelineApi(app.serviceManager.serverSettings);
  const model = new PipelineModel(api);
  const context: IContext = { app, api, model, speech };
  const tabs = new WidgetTracker<PipelineTab>({ namespace: 'jupyter-mlx-pipeline' });
  const show = () => {
    let tab = tabs.find(() => true);
    if (!tab) {
      tab = new PipelineTab(model, hostOf(context));
      fillToolbar(tab, app);
      // Notebook 7 keeps its main area for the notebook
      app.shell.add(tab, labShell ? 'main' : 'right');
      void tabs.add(tab);
    }
    app.shell.activateById(tab.id);
    return tab;
  };
  addCommands(context, show);
  for (const command of Object.values(CommandIDs)) {
    palette?.addItem({ command, category: speech.trans.__('Pipeline') });
  }
  void restorer?.restore(tabs, { command: CommandIDs.show, name: () => 'pipeline' });
  onJob(app, change => model.noteJob(change));
  onChange(app, () => model.noteChange());
  let wasRunning = false;
  model.changed.connect(() => {
    if (model.isRunning !== wasRunning) {
      wasRunning = model.isRunning;
      app.commands.notifyCommandChanged(CommandIDs.run);
      app.commands.notifyCommandChanged(CommandIDs.stop);
    }
  });
}

function addCommands(context: IContext, show: () => unknown): void {
  const { app, model, speech } = context;
  const { trans } = speech;
  const none = { args: { type: 'object', properties: {} } } as const;
  const add = (id: string, options: CommandRegistry.ICommandOptions) =>
    app.commands.addCommand(id, { describedBy: none, ...options });
  add(CommandIDs.show, {
    label: trans.__('Show Pipeline'),
    caption: trans.__('Show the stages of mlx.yaml, what would run, and why'),
    icon: args => (args.toolbar ? pipelineIcon : undefined),
    execute: show
  });
  const names = (description: string) =>
    ({ type: 'array', items: { type: 'string' }, description }) as const;
  add(CommandIDs.run, {
    label: args => (args.toolbar ? trans.__('Run All') : trans.__('Run Pipeline')),
    caption: trans.__('Bring the pipeline up to date: what changed is executed'),
    icon: args => (args.toolbar ? runIcon : undefined),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          stages: names(trans.__('The stages to bring up to date; without, all')),
          from: names(trans.__('Stages to execute with all that depends on them')),
          force: {
            type: 'boolean',
            description: trans.__('Also what is up to date')
          }
        }
      }
    },
    isEnabled: () => !model.isRunning,
    execute: args => {
      show();
      return reported(model.start(startOf(args)));
    }
  });
  add(CommandIDs.stop, {
    label: args => (args.toolbar ? trans.__('Stop') : trans.__('Stop Pipeline')),
    caption: trans.__('Stop the stages that run; a later run goes on from there'),
    icon: args => (args.toolbar ? stopIcon : undefined),
    isEnabled: () => model.isRunning,
    execute: () => reported(model.stop())
  });
  add(CommandIDs.refresh, {
    label: trans.__('Refresh Pipeline'),
    icon: args => (args.toolbar ? refreshIcon : undefined),
    execute: () => model.refresh()
  });
  add(CommandIDs.configure, {
    label: args => (args.toolbar ? 'mlx.yaml' : trans.__('Open mlx.yaml')),
    caption: trans.__('Open the file that describes the pipeline'),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          line: { type: 'integer', description: trans.__('Where to go in it, from 1') }
        }
      }
    },
    execute: args => reported(openFile(context, 'mlx.yaml', Number(args.line ?? 0)))
  });
}

/** What the arguments of the command ask to be run. */
function startOf(args: Args): IStart {
  const names = (given: unknown) => (Array.isArray(given) ? given.map(String) : []);
  return {
    stages: names(args.stages),
    from: names(args.from),
    force: args.force === true
  };
}

function fillToolbar(tab: PipelineTab, app: JupyterFrontEnd): void {
  const { commands } = app;
  const args = { toolbar: true };
  const button = (id: string, label?: string) =>
    new CommandToolbarButton({ commands, id, args, label });
  tab.toolbar.addItem('run', button(CommandIDs.run));
  tab.toolbar.addItem('stop', button(CommandIDs.stop));
  tab.toolbar.addItem('refresh', button(CommandIDs.refresh, ''));
  tab.toolbar.addItem('configure', button(CommandIDs.configure));
}

/** What the view does with the rest of the window. */
function hostOf(context: IContext): IPipelineHost {
  const { app, api, model, speech } = context;
  const execute = (id: string, args: Args) => void app.commands.execute(id, args);
  return {
    speech,
    api,
    start: which => void reported(model.start(which)),
    create: () => void reported(app.commands.execute(ListCommands.create)),
    select: name => model.select(name),
    openRun: id => execute(RunCommands.openRun, { id }),
    openExecuted: id => execute(PageCommandIDs.asNotebook, { id }),
    openFailedCell: stage => void reported(openFailedCell(context, stage)),
    openFile: (path, line) => void reported(openFile(context, path, line))
  };
}

/** The notebook at the cell that failed; what was executed, where the notebook is text without ids. */
async function openFailedCell(context: IContext, stage: IStage): Promise<void> {
  const { app, api } = context;
  if (stage.run === null) {
    return;
  }
  const cell = failedCell(await api.executed(stage.run.id));
  if (cell !== null && stage.notebook.endsWith('.ipynb')) {
    await app.commands.execute(NotebookCommands.goToCell, {
      notebook: stage.notebook,
      cell
    });
  } else {
    await app.commands.execute(PageCommandIDs.asNotebook, { id: stage.run.id });
  }
}

/** What we use of a text file's tab; see `notebook/lab.ts` for why it stands here. */
interface ITextTab {
  readonly context: { readonly ready: Promise<void> };
  readonly content: {
    readonly editor?: {
      setCursorPosition(at: { line: number; column: number }): void;
      revealPosition(at: { line: number; column: number }): void;
      focus(): void;
    };
  };
}

async function openFile(context: IContext, path: string, line = 0): Promise<void> {
  const { app, api, speech } = context;
  const found = serverPath(path, await api.place());
  if (found === null) {
    Notification.warning(
      speech.trans.__('%1 is outside of the folder of the Jupyter server.', path)
    );
    return;
  }
  const { contents } = app.serviceManager;
  const { type } = await contents.get(found, { content: false });
  if (type === 'directory') {
    await app.commands.execute('filebrowser:go-to-path', { path: found });
    return;
  }
  const tab: unknown = await app.commands.execute('docmanager:open', { path: found });
  if (line > 0 && isTextTab(tab)) {
    await tab.context.ready;
    const at = { line: line - 1, column: 0 };
    tab.content.editor?.setCursorPosition(at);
    tab.content.editor?.revealPosition(at);
    tab.content.editor?.focus();
  }
}

function isTextTab(tab: unknown): tab is ITextTab {
  return typeof tab === 'object' && tab !== null && 'context' in tab && 'content' in tab;
}
