/**
 * The commands of notebooks, and the buttons of their toolbar.
 */
import { JupyterFrontEnd } from '@jupyterlab/application';
import { ICommandPalette, InputDialog, Notification } from '@jupyterlab/apputils';
import { CommandToolbarButton } from '@jupyterlab/ui-components';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs as RunCommands, reported } from '../commands';
import { ISpeech } from '../locale';
import { snapshotIcon, trackIcon } from '../icons';
import { serverPath } from '../wire';
import { ICellsApi } from './api';
import { isNotebook } from './lab';
import { IOpenNotebook, Notebooks } from './notebooks';

export namespace CommandIDs {
  export const track = 'jupyter-mlx:track-notebook';
  export const snapshot = 'jupyter-mlx:snapshot-notebook';
  export const goToCell = 'jupyter-mlx:go-to-cell';
}

export interface INotebookContext {
  readonly app: JupyterFrontEnd;
  readonly api: ICellsApi;
  readonly notebooks: Notebooks;
  readonly speech: ISpeech;
}

type Args = ReadonlyPartialJSONObject;

/** Where the buttons stand: behind the kind of the cell. */
const BUTTONS_AT = 10;

export function addCommands(context: INotebookContext): void {
  addTrack(context);
  addSnapshot(context);
  const { trans } = context.speech;
  context.app.commands.addCommand(CommandIDs.goToCell, {
    label: trans.__('Go to Cell'),
    caption: trans.__('Open the notebook of a run, at the cell that was executed'),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          notebook: {
            type: 'string',
            description: trans.__('The path of the notebook in the project')
          },
          cell: { type: 'string', description: trans.__('The id of the cell') }
        },
        required: ['notebook']
      }
    },
    isVisible: args => typeof args.notebook === 'string',
    execute: async args => {
      if (typeof args.notebook === 'string') {
        const cell = typeof args.cell === 'string' ? args.cell : '';
        await reported(goToCell(context, args.notebook, cell));
      }
    }
  });
}

function describedBy({ speech: { trans } }: INotebookContext) {
  return {
    args: {
      type: 'object',
      properties: {
        panel: {
          type: 'string',
          description: trans.__(
            'The id of a notebook panel; without it, the one in front'
          )
        }
      }
    }
  } as const;
}

function addTrack(context: INotebookContext): void {
  const { app, notebooks, speech } = context;
  const { trans } = speech;
  const state = (args: Args) => notebooks.find(args.panel)?.magics.state;
  app.commands.addCommand(CommandIDs.track, {
    label: args => (args.toolbar ? trans.__('Track') : trans.__('Track Every Cell')),
    caption: args => {
      const found = state(args);
      if (found?.kind === 'missing') {
        return trans.__('The kernel has no jupyter_mlx: `pip install jupyter-mlx` there');
      }
      return found?.kind === 'ready' && found.on
        ? trans.__('Every cell of this notebook is recorded as a run')
        : trans.__('Record every cell of this notebook as a run');
    },
    icon: args => (args.toolbar ? trackIcon : undefined),
    describedBy: describedBy(context),
    isVisible: () => notebooks.place !== null,
    isEnabled: args => {
      const kind = state(args)?.kind;
      return kind === 'ready' || kind === 'waiting';
    },
    isToggled: args => {
      const found = state(args);
      return (found?.kind === 'ready' || found?.kind === 'waiting') && found.on;
    },
    execute: async args => {
      const { magics } = notebooks.find(args.panel) ?? {};
      if (magics) {
        const { state } = magics;
        await magics.track(
          !((state.kind === 'ready' || state.kind === 'waiting') && state.on)
        );
      }
    }
  });
}

function addSnapshot(context: INotebookContext): void {
  const { app, notebooks, speech } = context;
  const { trans } = speech;
  app.commands.addCommand(CommandIDs.snapshot, {
    label: args =>
      args.toolbar ? trans.__('Snapshot') : trans.__('Take Snapshot of Notebook…'),
    caption: trans.__(
      'Keep this notebook as it stands, with the versions of all tracked data'
    ),
    icon: args => (args.toolbar ? snapshotIcon : undefined),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          ...describedBy(context).args.properties,
          message: {
            type: 'string',
            description: trans.__('What to remember of it; without it, a dialog asks')
          }
        }
      }
    },
    isVisible: () => notebooks.place !== null,
    isEnabled: args => notebooks.find(args.panel) !== null,
    execute: async args => {
      const opened = notebooks.find(args.panel);
      const message = opened === null ? null : await messageOf(args, speech);
      if (opened !== null && message !== null) {
        await reported(snapshot(context, opened, message));
      }
    }
  });
}

/** What to remember of a snapshot; null where the reader thought better of it. */
async function messageOf(args: Args, { trans }: ISpeech): Promise<string | null> {
  if (typeof args.message === 'string') {
    return args.message;
  }
  const answer = await InputDialog.getText({
    title: trans.__('Take a snapshot'),
    label: trans.__('What to remember of it (may stay empty)'),
    okLabel: trans.__('Take Snapshot')
  });
  return answer.button.accept ? (answer.value ?? '') : null;
}

async function snapshot(
  context: INotebookContext,
  { panel }: IOpenNotebook,
  message: string
): Promise<void> {
  const { app, api, notebooks, speech } = context;
  const path = notebooks.pathOf(panel);
  if (path === null) {
    return;
  }
  await panel.context.save();
  const run = await api.snapshot(path, message);
  Notification.success(speech.trans.__('Snapshot %1 is kept.', run.id.slice(0, 8)), {
    autoClose: 5000,
    actions: [
      {
        label: speech.trans.__('Open'),
        callback: () => void app.commands.execute(RunCommands.openRun, { id: run.id })
      }
    ]
  });
}

/** Open a notebook of the project, with a cell in view. */
async function goToCell(
  { app, notebooks, speech }: INotebookContext,
  notebook: string,
  cell: string
): Promise<void> {
  const { trans } = speech;
  const path = notebooks.place === null ? null : serverPath(notebook, notebooks.place);
  if (path === null) {
    Notification.warning(
      trans.__('%1 is outside of the folder of the Jupyter server.', notebook)
    );
    return;
  }
  const widget: unknown = await app.commands.execute('docmanager:open', {
    path,
    factory: 'Notebook'
  });
  const { panel } = notebooks.at(notebook) ?? { panel: null };
  if (panel === null || (widget && widget !== panel) || !isNotebook(panel)) {
    return;
  }
  await panel.context.ready;
  const index = panel.content.widgets.findIndex(one => one.model.id === cell);
  if (index < 0) {
    if (cell) {
      Notification.info(trans.__('The cell of this run is no longer in the notebook.'), {
        autoClose: 4000
      });
    }
    return;
  }
  panel.content.activeCellIndex = index;
  panel.content.mode = 'command';
  await panel.content.scrollToItem(index, 'center');
}

/** Put the commands that need nothing told into the palette. */
export function addToPalette(palette: ICommandPalette, { trans }: ISpeech): void {
  for (const command of [CommandIDs.track, CommandIDs.snapshot]) {
    palette.addItem({ command, category: trans.__('Runs') });
  }
}

/** Put the buttons into the toolbar of a notebook. */
export function addButtons(
  { app: { commands } }: INotebookContext,
  { panel }: IOpenNotebook
): void {
  const args = { panel: panel.id, toolbar: true };
  const button = (id: string) => new CommandToolbarButton({ commands, id, args });
  panel.toolbar.insertItem(BUTTONS_AT, 'mlxTrack', button(CommandIDs.track));
  panel.toolbar.insertItem(BUTTONS_AT + 1, 'mlxSnapshot', button(CommandIDs.snapshot));
}
